# The tables: ours, mean and sample standard deviation over the seeds, beside the paper's.
#
# Table NAME has the column names header_NAME, the shell commands rows_NAME that print its lines, and the files needs_NAME that they
# read. Tables of students are lists of cells_NAME, METHOD/IPC/STUDENT.

# The figure of KEY in a list of KEY=FIGURE words
figure = $(or $(firstword $(patsubst $(1)=%,%,$(filter $(1)=%,$(2)))),-)

tab := $()	$()
# COMMAND FILTER: shell that sets m to mean, deviation and number, as columns, of the numbers that the jq filter makes of the array of
# objects that COMMAND prints
measure = m=$$($(1) | jq -rs 'def round2: . * 100 | round / 100; \
	$(2) | (add / length) as $$m | [($$m | round2), \
	(if length > 1 then (map(. - $$m | . * .) | add) / (length - 1) | sqrt | round2 else "-" end), length] | @tsv')
# LABELS PAPER: shell that prints a line of the table
line = printf '%s\t' $(1) "$$m"; echo '$(2)'

# --- students ---------------------------------------------------------------------------------------------------------------

results = $(foreach s,$(SEEDS),$(call result,$(1),$(s)))
# TABLE
student_rows = $(foreach c,$(cells_$(1)),$(call measure,cat $(call results,$(c)),map(.$(RESULT) * 100)); \
	$(call line,$(call split,$(c)),$(call figure,$(c),$(PAPER_$(1)) $(PAPER)));)
$(foreach t,$(STUDENT_TABLES),$(eval header_$(t) = method ipc student mean spread seeds paper)\
	$(eval needs_$(t) = $$(foreach c,$$(cells_$(t)),$$(call results,$$(c))))$(eval rows_$(t) = $$(call student_rows,$(t))))

# --- teachers ---------------------------------------------------------------------------------------------------------------

# LABELS FILES PAPER: a line with both branches
look = for f in $(1); do fd2-look --json $$f; done
teacher_row = $(call measure,$(call look,$(2)),map(.meta.val.backbone)); b=$$m; $(call measure,$(call look,$(2)),map(.meta.val.cal)); \
	m=$$(cut -f 1,2 <<<"$$b")$$'\t'$$m; $(call line,$(1),$(subst /,$(tab),$(if $(findstring /,$(3)),$(3),-/-)));

header_teachers = teacher maps alpha backbone backbone-spread CAL CAL-spread seeds paper-backbone paper-CAL
needs_teachers = $(TEACHERS:%=$(OUT)/teacher-%.fd2)
rows_teachers = $(foreach a,$(TEACHERS),$(call \
	teacher_row,$(a) $(MAPS_$(a)) $(ALPHA_$(a)),$(OUT)/teacher-$(a).fd2,$(call figure,$(a),$(PAPER_TEACHERS))))

header_ablation-alpha-pretrain = $(header_teachers)
needs_ablation-alpha-pretrain = $(foreach v,$(VALUES_alpha-pretrain),$(SEEDS:%=$(OUT)/$(call pretrained,$(v),%).fd2))
rows_ablation-alpha-pretrain = $(foreach v,$(VALUES_alpha-pretrain),$(call \
	teacher_row,$(TEACHER) $(call split,$(v)),$(SEEDS:%=$(OUT)/$(call pretrained,$(v),%).fd2),$(call figure,$(v),$(PAPER_alpha-pretrain))))

# --- logs of fd2-distill ----------------------------------------------------------------------------------------------------

# Seconds of an image of every class, over the images of the first group: the paper's "mean per-iteration cost within the group".
# Steps that follow each other in a log give the pace, so that neither the choice of initial images nor an interruption counts.
pace = [.[] | select(.event == "step")] as $$s | [range(1; $$s | length) | [$$s[. - 1], $$s[.]] | \
	select(.[0].image == .[1].image and .[0].first_class == .[1].first_class and .[0].step < .[1].step) | \
	{image: .[1].image, part: .[1].first_class, steps: (.[1].step - .[0].step), t: (.[1].t - .[0].t)} | select(.image <= $(1))] | \
	group_by(.image) | map(group_by(.part) | map((map(.t) | add) / (map(.steps) | add) * $(STEPS)) | add)
timed = $(call parts_of,ns-$(1),$(IPC_ns),$(firstword $(SEEDS)))
header_ns-time = N_S ipc seconds spread images paper
needs_ns-time = $(foreach v,$(VALUES_ns),$(call timed,$(v)))
rows_ns-time = $(foreach v,$(VALUES_ns),$(call measure,cat $(patsubst %.tar,%.log,$(call timed,$(v))),$(call pace,$(v))); \
	$(call line,$(v) $(IPC_ns),$(call figure,$(v),$(PAPER_ns-time)));)

header_bn-loss = backbone form mean spread seeds paper
needs_bn-loss = $(foreach a,$(TEACHERS),$(foreach f,$(BN_FORMS),$(foreach s,$(SEEDS),$(call bn_log,$(a),$(f),$(s)))))
rows_bn-loss = $(foreach a,$(TEACHERS),$(foreach f,$(BN_FORMS),$(call measure,cat $(foreach s,$(SEEDS),$(call \
	bn_log,$(a),$(f),$(s))),map(select(.step == $(BN_STEPS) - 1) | .loss.bn / $(BN_WEIGHT))); $(call line,$(a) $(f),-);))

# --- rules ------------------------------------------------------------------------------------------------------------------

ALL_TABLES = teachers ablation-alpha-pretrain $(STUDENT_TABLES) ns-time bn-loss
define table_rules
.PHONY: $(1)
$(1): $$(OUT)/$(1).md
$(call stamp,$(1),$(needs_$(1)) $(RESULT))
$$(OUT)/$(1).tsv: $$(OUT)/$(1).settings $$(needs_$(1))
	@{ echo '$$(subst $$() ,$$(tab),$$(header_$(1)))'; $$(rows_$(1)) } >$$@.part; mv $$@.part $$@
endef
$(foreach t,$(ALL_TABLES),$(eval $(call table_rules,$(t))))

$(OUT)/%.md: $(OUT)/%.tsv
	@awk '{ gsub(/\t/, " | "); $$0 = "| " $$0 " |"; print } NR == 1 { gsub(/[^|]+/, " --- "); print }' $< >$@.part
	@mv $@.part $@; cat $@

.PHONY: all ablations
all: $(TABLES)
ablations: ablation-alpha-pretrain $(ABLATIONS:%=ablation-%) ns-time
