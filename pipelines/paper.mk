# The rules of the paper's tables for one data set. The sets' own files (cub.mk ...) hold what differs and include this one:
#
#   make -f pipelines/cub.mk ARCHIVE=CUB_200_2011.tgz [WEIGHTS=DIR]                  all of it, below cub-paper/
#   make -f pipelines/cub.mk ARCHIVE=CUB_200_2011.tgz WEIGHTS=DIR PRESET=authors     as the authors' program sets it, below cub-authors/
#
# WEIGHTS is a folder of torchvision's ImageNet weights, which teachers start from where it is given. -n shows what will run. What is
# finished is not made again, what was interrupted goes on, and what depends on a setting that has changed is made anew. Under -j give
# THREADS too. Every variable below can be given on the command line; the goals are all, table, teachers and clean-parts.

.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL = all
MAKEFLAGS += --no-builtin-rules
SHELL = /bin/bash
.SHELLFLAGS = -euo pipefail -c
export PATH := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))../build/bin):$(PATH)

PRESET = paper
OUT = $(SET)-$(PRESET)
ARCHIVE =
WEIGHTS =
DEVICE = cpu
THREADS = 0
SIZE = 224
CLASSES = $(OFFICIAL_CLASSES)
BATCH = 100
SEEDS = 1 2 3
TEACHER = resnet18
TEACHERS = resnet18 resnet50 mobilenet_v2 densenet121 shufflenet_v2_x1_0
STUDENTS = resnet18 resnet50
METHODS = sre2l++ fd2

# --- presets --------------------------------------------------------------------------------------------------------------

ifeq ($(PRESET),paper)
# fd2's defaults are the paper's settings and those of the work that it names.
EPOCHS = 300
STEPS = 4000
STUDENT_EPOCHS ?= 400
IMPORT_OPTIONS = --size $(shell expr $(SIZE) '*' 8 / 7) --fit short
TEACHER_OPTIONS =
DISTILL_OPTIONS =
LABEL_OPTIONS =
STUDENT_OPTIONS = $(STUDENT_OPTIONS_$(1))
STUDENT_OPTIONS_mobilenet_v2 = --lr 0.0025
PRETRAINED_STUDENTS =
RESULT = top1
else ifeq ($(PRESET)$(AUTHORS_STEPS),authors)
$(error the authors' program has no settings for $(SET))
else ifeq ($(PRESET),authors)
# Their scripts to the digit.
ifeq ($(WEIGHTS),)
$(error the authors' teachers start from ImageNet weights: give their folder with WEIGHTS=)
endif
EPOCHS = 50
STEPS = $(AUTHORS_STEPS)
STUDENT_EPOCHS ?= 400
IMPORT_OPTIONS = --size $(SIZE) --fit squash
TEACHER_OPTIONS = --mean $(MEAN) --std $(STD) --cal-augment --center-update cal --augment crop --fit whole --jitter 0.2,0.2,0.2,0.1 \
	--rotate 15 -b 4 --lr 0.001 --schedule exp --cal-lr 1 --weight-decay 1e-5
DISTILL_OPTIONS = --lr 0.001 --r-bn 0.001 --lambda 0.9 --bn-head --ls-view once
LABEL_OPTIONS = --batch $(AUTHORS_LABEL_BATCH)
STUDENT_OPTIONS = --weight-decay 1e-5 --lr 0.001 --zeta 2
# Their ShuffleNetV2 is x0.5.
x0_5_too = $(1) $(foreach w,$(1),$(if $(findstring shufflenet_v2_x1_0,$(w)),$(subst shufflenet_v2_x1_0,shufflenet_v2_x0_5,$(w))))
TEACHERS += shufflenet_v2_x0_5
MAPS_shufflenet_v2_x0_5 = $(MAPS_shufflenet_v2_x1_0)
ALPHA_shufflenet_v2_x0_5 = $(ALPHA_shufflenet_v2_x1_0)
CROSS_IPC ?= 3
CROSS_STUDENTS += shufflenet_v2_x0_5
PAPER := $(call x0_5_too,$(PAPER))
PAPER_TEACHERS := $(call x0_5_too,$(PAPER_TEACHERS))
PRETRAINED_STUDENTS = resnet50
# Sets of fewer images are the first of the largest. The best of all validations is a student's result and chooses the teacher.
NESTED = 1
BEST = 1
RESULT = best_top1
else
$(error PRESET is paper or authors, not $(PRESET))
endif

# --- what is run ------------------------------------------------------------------------------------------------------------

COMMON = --device $(DEVICE) --threads $(THREADS)
weights_of_shufflenet_v2_x1_0 = shufflenetv2_x1
weights_of_shufflenet_v2_x0_5 = shufflenetv2_x0.5
# --init of a backbone, ARCH, whose weights must be there.
init = --init $(or $(firstword $(wildcard $(WEIGHTS)/$(1).* $(WEIGHTS)/$(or $(weights_of_$(1)),$(1))-*)),$(error no weights of $(1) in $(WEIGHTS)))

import = fd2-import $(IMPORT_OPTIONS) $(if $(filter-out $(OFFICIAL_CLASSES),$(CLASSES)),--any-count)
teacher = fd2-teacher $(COMMON) --arch $(1) --maps $(MAPS_$(1)) --alpha $(ALPHA_$(1)) --size $(SIZE) --epochs $(EPOCHS) \
	$(TEACHER_OPTIONS) $(if $(WEIGHTS),$(call init,$(1)))
distill = fd2-distill $(COMMON) --steps $(STEPS) --batch $(BATCH) $(DISTILL_OPTIONS) $(if $(filter sre2l++,$(1)),--plain) --ipc $(2)
labels = fd2-relabel $(COMMON) --epochs $(STUDENT_EPOCHS) $(LABEL_OPTIONS)
student = fd2-eval $(COMMON) --arch $(1) $(call STUDENT_OPTIONS,$(1)) $(if $(filter $(PRETRAINED_STUDENTS),$(1)),$(call init,$(1)))

PARTS := $(shell for ((a = 0; a < $(CLASSES); a += $(BATCH))); do \
	echo $$a-$$((a + $(BATCH) < $(CLASSES) ? a + $(BATCH) - 1 : $(CLASSES) - 1)); done)
LARGEST := $(lastword $(sort $(foreach n,$(IPC),$(shell printf %05d $(n)))))
LARGEST := $(shell echo $$((10#$(LARGEST))))
# METHOD/IPC/STUDENT
CELLS := $(foreach s,$(STUDENTS),$(foreach n,$(IPC),$(METHODS:%=%/$(n)/$(s)))) \
	$(foreach s,$(filter-out $(STUDENTS),$(CROSS_STUDENTS)),$(foreach n,$(filter $(CROSS_IPC),$(IPC)),$(METHODS:%=%/$(n)/$(s))))
result = $(OUT)/$(subst /,-,$(1))-$(2).json
parts_of = $(PARTS:%=$(OUT)/$(1)-$(2)-%.tar)

.PHONY: all table teachers clean-parts FORCE
all: teachers table
table: $(OUT)/table.md
teachers: $(OUT)/teachers.md
clean-parts:
	rm -f $(OUT)/*.part $(OUT)/*.ckpt

# NAME TEXT LEFT-OVERS: a file that holds the settings of what depends on it, written anew when they change. Where and on how many
# threads things are computed is no such setting.
settings = $(strip $(subst $(COMMON),,$(1)))
changed = $(subst x$(1),,x$(2))$(subst x$(2),,x$(1))
define stamp
$(OUT)/$(1).settings: $(if $(call changed,$(call settings,$(2)),$(file <$(OUT)/$(1).settings)),FORCE)
	@mkdir -p $(OUT); rm -f $(3); echo '$(call settings,$(2))' >$$@
endef

# --- stages -----------------------------------------------------------------------------------------------------------------

TRAIN = $(OUT)/train.tar
VAL = $(OUT)/val.tar
$(eval $(call stamp,import,$(import)))
$(TRAIN) $(VAL) &: $(OUT)/import.settings
	$(if $(ARCHIVE),,$(error give the official archives of $(SET) with ARCHIVE=))$(import) --train $(TRAIN) --val $(VAL) $(SET) $(ARCHIVE)

# ARCH
define teacher_rule
$(call stamp,teacher-$(1),$(call teacher,$(1)),$(OUT)/teacher-$(1).fd2.ckpt $(OUT)/teacher-$(1)-last.fd2.ckpt)
$(OUT)/teacher-$(1).fd2: $(OUT)/teacher-$(1).settings $(TRAIN) $(VAL)
	$(if $(BEST),$(call teacher,$(1)) --val $(VAL) --resume --best $(OUT)/teacher-$(1)-best.fd2 -o $(OUT)/teacher-$(1)-last.fd2 $(TRAIN)
	mv $(OUT)/teacher-$(1)-best.fd2 $$@,$(call teacher,$(1)) --val $(VAL) --resume -o $$@ $(TRAIN))
endef
$(foreach a,$(sort $(TEACHERS) $(TEACHER)),$(eval $(call teacher_rule,$(a))))

THE_TEACHER = $(OUT)/teacher-$(TEACHER).fd2
PROTOS = $(OUT)/protos-$(TEACHER).fd2
$(PROTOS): $(THE_TEACHER)
	fd2-protos $(COMMON) -t $< -o $@

# METHOD IPC PART
define part_rule
$(OUT)/$(1)-$(2)-$(3).tar: $(OUT)/$(1)-$(2).settings $(THE_TEACHER) $(PROTOS)
	$(call distill,$(1),$(2)) --classes $(3) -t $(THE_TEACHER) -p $(PROTOS) --resume -o $$@ $(TRAIN)
endef
# The first images of the largest set.
define nested_rule
$(OUT)/$(1)-$(2)-$(3).tar: $(OUT)/$(1)-$(LARGEST)-$(3).tar
	cp $$< $$@.part
	tar --delete --wildcards -f $$@.part __fd2__ $$$$(seq -f '*/%04g.*' $$$$(($(2) + 1)) $(LARGEST))
	tar -xOf $$< __fd2__ | jq -c 'del(.count, .digest)' >$$@.end.part
	tar -rf $$@.part --owner 0 --group 0 --mode 644 --mtime @0 --transform 's,.*,__fd2__,' $$@.end.part
	rm $$@.end.part; mv $$@.part $$@
endef
# METHOD IPC
define set_rules
$(call stamp,$(1)-$(2),$(call distill,$(1),$(2)) $(TEACHER),$(patsubst %,%.part,$(call parts_of,$(1),$(2))))
$(foreach p,$(PARTS),$(eval $(call $(if $(and $(NESTED),$(filter-out $(LARGEST),$(2))),nested,part)_rule,$(1),$(2),$(p))))
endef
$(foreach m,$(METHODS),$(foreach n,$(IPC),$(eval $(call set_rules,$(m),$(n)))))

# METHOD IPC STUDENT SEED: labels are made while the student reads them.
define student_rule
$(call result,$(1)/$(2)/$(3),$(4)): $(OUT)/student-$(3).settings $(call parts_of,$(1),$(2)) $(VAL)
	$(labels) --seed $(4) -t $(THE_TEACHER) $(call parts_of,$(1),$(2)) | $(call student,$(3)) --seed $(4) --val $(VAL) -o $$@ $(call parts_of,$(1),$(2))
endef
split = $(subst /, ,$(1))
$(foreach s,$(sort $(foreach c,$(CELLS),$(word 3,$(call split,$(c))))),$(eval $(call stamp,student-$(s),$(labels) $(call student,$(s)))))
$(foreach c,$(CELLS),$(foreach s,$(SEEDS),$(eval \
	$(call student_rule,$(word 1,$(call split,$(c))),$(word 2,$(call split,$(c))),$(word 3,$(call split,$(c))),$(s)))))

# --- tables: ours, mean and sample standard deviation over the seeds, beside the paper's -------------------------------------------

SPREAD = map(.$(RESULT) * 100) | (add / length) as $$m | ((map(. - $$m | . * .) | add) / ([length - 1, 1] | max) | sqrt) as $$s | \
	[$$m, $$s | . * 100 | round / 100] + [length] | @tsv
RESULTS = $(foreach c,$(CELLS),$(foreach s,$(SEEDS),$(call result,$(c),$(s))))
# The figure of a cell in a list of CELL=FIGURE words.
figure = $(or $(patsubst $(1)=%,%,$(filter $(1)=%,$(2))),-)

$(eval $(call stamp,table,$(CELLS) $(SEEDS) $(RESULT)))
$(OUT)/table.tsv: $(OUT)/table.settings $(RESULTS)
	@{ printf 'method\tipc\tstudent\tmean\tspread\tseeds\tpaper\n'; $(foreach c,$(CELLS), \
	printf '%s\t%s\t%s\t%s\t%s\n' $(call split,$(c)) "$$(jq -rs '$(SPREAD)' $(foreach s,$(SEEDS),$(call result,$(c),$(s))))" \
		'$(call figure,$(c),$(PAPER))';) } >$@.part
	@mv $@.part $@

$(eval $(call stamp,teachers,$(TEACHERS)))
$(OUT)/teachers.tsv: $(OUT)/teachers.settings $(TEACHERS:%=$(OUT)/teacher-%.fd2)
	@{ printf 'teacher\tmaps\talpha\tbackbone\tcal\tpaper backbone\tpaper cal\n'; $(foreach a,$(TEACHERS), \
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' $(a) $(MAPS_$(a)) $(ALPHA_$(a)) \
		"$$(fd2-look --json $(OUT)/teacher-$(a).fd2 | jq -r '[.meta.val.backbone, .meta.val.cal | . * 10 | round / 10] | @tsv')" \
		$(subst /, ,$(call figure,$(a),$(PAPER_TEACHERS)));) } >$@.part
	@mv $@.part $@

%.md: %.tsv
	@awk '{ gsub(/\t/, " | "); $$0 = "| " $$0 " |"; print } NR == 1 { gsub(/[^|]+/, " --- "); print }' $< >$@.part
	@mv $@.part $@; cat $@
