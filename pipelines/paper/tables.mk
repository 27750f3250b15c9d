# The tables: mean and sample standard deviation over the seeds, next to the paper's figures.
#
# Table NAME has a title_NAME, the column names header_NAME ('~' is a space), shell commands
# rows_NAME that print its lines, and the files needs_NAME that they read. Tables of students are
# lists of cells_NAME, METHOD/IPC/STUDENT.

# The figure of KEY in a list of KEY=FIGURE words. None in a trial, nor from random weights.
figure = $(or $(if $(trial),,$(if $(WEIGHTS),$(firstword $(patsubst \
	$(1)=%,%,$(filter $(1)=%,$(2)))))),-)

tab := $()	$()
# COMMAND FILTER: shell that sets m to mean, deviation and count, as columns, of the numbers that
# the jq filter makes of the array of objects that COMMAND prints
measure = m=$$($(1) | jq -rs -L $(paper).. 'include "statistics"; $(2) | [(mean | fixed(2)), \
	if length > 1 then deviation | fixed(2) else "-" end, length] | @tsv')
# LABELS PAPER: shell that prints a line of the table
line = printf '%s\t' $(1) "$$m"; echo '$(2)'

# Students

title_main = students, held-out top-1
title_cross = students of other backbones, held-out top-1
title_matching = selections, matching and decoupled methods, held-out top-1 of students
title_ablation-alpha = alpha of distillation without L_F and L_S, held-out top-1 of students
title_ablation-beta = beta of L_F alone, held-out top-1 of students
title_ablation-ns = group size of L_S alone, held-out top-1 of students
title_ablation-constraints = the constraints one by one, held-out top-1 of students
title_ablation-lambda = lambda of both constraints, held-out top-1 of students
results = $(foreach s,$(SEEDS),$(call result,$(1),$(s)))
# TABLE
student_rows = $(foreach c,$(cells_$(1)),$(call \
	measure,cat $(call results,$(c)),map(.$(RESULT) * 100)); $(call \
	line,$(call split,$(c)),$(call figure,$(c),$(PAPER_$(1)) $(PAPER)));)
$(foreach t,$(STUDENT_TABLES),$(eval header_$(t) = method ipc student mean~% spread seeds paper~%)\
	$(eval needs_$(t) = $$(foreach c,$$(cells_$(t)),$$(call results,$$(c))))\
	$(eval rows_$(t) = $$(call student_rows,$(t))))

# Teachers

# LABELS FILES PAPER: a line with both branches
look = for f in $(1); do fd2-look --json $$f || exit; done
teacher_row = $(call measure,$(call look,$(2)),map(100 * .meta.val.backbone)); b=$$m; $(call \
	measure,$(call look,$(2)),map(100 * .meta.val.cal)); \
	m=$$(cut -f 1,2 <<<"$$b")$$'\t'$$m; $(call \
	line,$(1),$(subst /,$(tab),$(if $(findstring /,$(3)),$(3),-/-)));

title_teachers = teachers, held-out top-1 of both branches
header_teachers = teacher maps alpha backbone~% spread CAL~% spread seeds \
	paper~backbone~% paper~CAL~%
needs_teachers = $(TEACHERS:%=$(OUT)/teacher-%.fd2)
rows_teachers = $(foreach a,$(TEACHERS),$(call teacher_row,$(a) $(MAPS_$(a)) \
	$(ALPHA_$(a)),$(OUT)/teacher-$(a).fd2,$(call figure,$(a),$(PAPER_TEACHERS))))

title_ablation-alpha-pretrain = maps and alpha of the teacher, held-out top-1 of both branches
header_ablation-alpha-pretrain = $(header_teachers)
needs_ablation-alpha-pretrain = $(foreach \
	v,$(VALUES_alpha-pretrain),$(SEEDS:%=$(OUT)/$(call pretrained,$(v),%).fd2))
rows_ablation-alpha-pretrain = $(foreach v,$(VALUES_alpha-pretrain),$(call \
	teacher_row,$(TEACHER) $(call split,$(v)),$(SEEDS:%=$(OUT)/$(call \
	pretrained,$(v),%).fd2),$(call figure,$(v),$(PAPER_alpha-pretrain))))

# Logs of fd2-distill

# Seconds of an image of every class, over the images of the first group: the paper's "mean
# per-iteration cost within the group". Consecutive steps of a log give the pace, so that neither
# the choice of initial images nor an interruption counts, after which its clock starts again.
pace = . as $$s | [range(1; $$s | length) | [$$s[. - 1], $$s[.]] | \
	select(.[0].image == .[1].image and .[0].first_class == .[1].first_class and \
	.[0].step < .[1].step) | {image: .[1].image, first: .[1].first_class, \
	steps: (.[1].step - .[0].step), t: (.[1].t - .[0].t)} | select(.image <= $(1))] | \
	group_by(.image) | map(group_by(.first) | \
	map((map(.t) | add) / (map(.steps) | add) * $(STEPS)) | add)
timed = $(call parts_of,ns-$(1),$(IPC_ns),$(firstword $(SEEDS)))
title_ns-time = seconds per image of all classes, mean over the images of a group
header_ns-time = N_S ipc mean~s spread images paper~s
needs_ns-time = $(foreach v,$(VALUES_ns),$(call timed,$(v)))
rows_ns-time = $(foreach v,$(VALUES_ns),$(call \
	measure,cat $(patsubst %.tar,%.log,$(call timed,$(v))),$(call pace,$(v))); \
	$(call line,$(v) $(IPC_ns),$(call figure,$(v),$(PAPER_ns-time)));)

# What --dry-run says of the last kind of its steps
cost = $(call images,$(1),1) --classes $(firstword $(call batches,$(1))) --dry-run \
	$(patsubst %,-t %,$(call teachers_of,$(1))) $(patsubst %,-p %,$(call protos_of,$(1))) \
	-o $(OUT)/cost.tar $(TRAIN)
title_cost = an iteration with one image per class: time and peak memory
header_cost = method ms MB paper~ms paper~GB
needs_cost = $(TRAIN) $(sort $(foreach m,$(COST_METHODS),$(call teachers_of,$(m)) $(call \
	protos_of,$(m)) $(call experts_of,$(m))))
paper_cost = $(filter-out -,$(call figure,$(1),$(PAPER_cost)))
rows_cost = $(foreach m,$(COST_METHODS),$(call cost,$(m)) | awk '/^time/ { ms = $$(NF - 1) + 0 } \
	/^memory/ { printf "%s\t%s\t%s\t", "$(m)", ms, $$2 * ($$3 == "GB" ? 1000 : 1) }'; \
	echo '$(subst /,$(tab),$(or $(call paper_cost,$(m)),-/-))';)

title_bn-loss = the BatchNorm term before its weight, after $(BN_STEPS) steps of SRe2L++
header_bn-loss = backbone form mean spread seeds
needs_bn-loss = $(foreach a,$(TEACHERS),$(foreach f,$(BN_FORMS),$(foreach \
	s,$(SEEDS),$(call bn_log,$(a),$(f),$(s)))))
rows_bn-loss = $(foreach a,$(TEACHERS),$(foreach f,$(BN_FORMS),$(call measure,cat $(foreach \
	s,$(SEEDS),$(call bn_log,$(a),$(f),$(s))),map(select(.step == $(BN_STEPS) - 1) | \
	.loss.bn / $(BN_WEIGHT))); printf '%s\t' $(a) $(f); echo "$$m";))

# Rules

# TABLE: the variables that choose its rows. What is given of them on the command line becomes part
# of the file's name, so that a narrower run does not overwrite a wider table.
rows_by = $(or $(rows_by_$(1)),SEEDS RANDOM $(1:ablation-%=VALUES_%) $(1:ablation-%=IPC_%))
rows_by_teachers = TEACHERS
rows_by_main = SEEDS RANDOM METHODS IPC STUDENTS
rows_by_cross = SEEDS RANDOM CROSS_METHODS IPC CROSS_STUDENTS
rows_by_matching = SEEDS IPC
rows_by_cost = COST_METHODS
rows_by_ablation-alpha-pretrain = SEEDS VALUES_alpha-pretrain
rows_by_ns-time = VALUES_ns IPC_ns
rows_by_bn-loss = TEACHERS SEEDS
chosen = $(foreach v,$(call rows_by,$(1)),$(if $(call given,$(v)),$(v)))
joined = $(subst $() ,-,$(subst /,-,$(strip $(or $($(1)),none))))
table = $(OUT)/$(subst $() ,,$(1)$(foreach v,$(call chosen,$(1)),.$(v)-$(call joined,$(v))))

title = **$(NAME): $(title_$(1)).** $(CLASSES) classes, $(SIZE) px, $(if \
	$(trial),trial with $(trial),preset $(PRESET)), $(if \
	$(WEIGHTS),teachers from ImageNet weights,teachers from random weights). Mean and sample \
	standard deviation.$(if $(filter %paper~% %paper~s,$(header_$(1))),$(if \
	$(trial)$(if $(WEIGHTS),,1), The paper's figures are for other settings and left out.))

ALL_TABLES = teachers ablation-alpha-pretrain $(STUDENT_TABLES) ns-time cost bn-loss
# TABLE FILE
define table_rules
.PHONY: $(1)
$(1): $(2).md
$(call stamp,$(notdir $(2)),$(needs_$(1)) $(RESULT))
$(2).tsv: $(OUT)/$(notdir $(2)).settings $$(needs_$(1))
	@{ echo '$$(subst ~, ,$$(subst $$() ,$$(tab),$$(strip $$(header_$(1)))))'; $$(rows_$(1)) } \
		>$$@.part; mv $$@.part $$@
$(2).md: $(2).tsv
	@{ printf '%s\n\n' "$$(call title,$(1))"; \
		awk '{ gsub(/\t/, " | "); print "| " $$$$0 " |" } NR == 1 { \
		gsub(/[^|]+/, " --- "); print "|" $$$$0 "|" }' $$<; } >$$@.part
	@mv $$@.part $$@; cat $$@
endef
$(foreach t,$(ALL_TABLES),$(eval $(call table_rules,$(t),$(call table,$(t)))))

.PHONY: all ablations
all: $(TABLES)
ablations: ablation-alpha-pretrain $(ABLATIONS:%=ablation-%) ns-time
