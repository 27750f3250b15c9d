# The stages as rules: archives, teachers, prototypes, sets by batches of BATCH classes, students.

.PHONY: clean-parts FORCE
clean-parts:
	rm -rf $(OUT)/*.part $(OUT)/*.ckpt $(OUT)/*.members

# NAME TEXT STALE: a file with the settings of what depends on it, written when they change; the
# files STALE are then removed. The device and the number of threads are not part of them.
settings = $(strip $(subst $(COMMON),,$(1)))
changed = $(subst x$(1),,x$(2))$(subst x$(2),,x$(1))
define stamp
$(OUT)/$(1).settings: $(if $(call \
	changed,$(call settings,$(2)),$(file <$(OUT)/$(1).settings)),FORCE)
	@mkdir -p $(OUT); rm -f $(3); printf '%s\n' '$(subst ','\'',$(call settings,$(2)))' >$$@
endef

# FILES: shell for the recipe of what --resume goes on with: removes those of an older input, which
# --resume would refuse.
outdated = for f in $(1); do for i in $^; do [ ! $$i -nt $$f ] || rm -f $$f; done; done

TRAIN = $(OUT)/train.tar
VAL = $(OUT)/val.tar
import = $(strip fd2-import $(IMPORT_OPTIONS) \
	$(if $(filter-out $(OFFICIAL_CLASSES),$(CLASSES)),--any-count))
$(eval $(call stamp,import,$(import)))
$(TRAIN) $(VAL) &: $(OUT)/import.settings
	$(if $(ARCHIVE),,$(error give the official archives of $(SET) with ARCHIVE=))$(import) \
		--train $(TRAIN) --val $(VAL) $(SET) $(ARCHIVE)

# Teachers

# ARCH MAPS ALPHA SEED
teacher = $(strip fd2-teacher $(COMMON) --arch $(1) --maps $(2) --alpha $(3) \
	$(if $(4),--seed $(4)) --size $(SIZE) --epochs $(EPOCHS) $(TEACHER_OPTIONS) \
	$(if $(WEIGHTS),$(call init,$(1))))
# MAPS/ALPHA SEED: the name of a teacher of Fig. 4
pretrained = teacher-$(TEACHER)-$(subst /,-,$(1))-$(2)
teacher_files = $(foreach f,$(1) $(1)-last,$(OUT)/$(f).fd2 $(OUT)/$(f).fd2.ckpt)
# NAME COMMAND
define teacher_rule
$(call stamp,$(1),$(2),$(call teacher_files,$(1)))
$(OUT)/$(1).fd2: $(OUT)/$(1).settings $(TRAIN) $(VAL)
	@$$(call outdated,$(call teacher_files,$(1)))
	$(if $(BEST),$(2) --val $(VAL) --resume --best $(OUT)/$(1)-best.fd2 \
		-o $(OUT)/$(1)-last.fd2 $(TRAIN)
	mv $(OUT)/$(1)-best.fd2 $$@; rm $(OUT)/$(1)-last.fd2,\
	$(2) --val $(VAL) --resume -o $$@ $(TRAIN))
endef
$(foreach a,$(sort $(TEACHERS) $(TEACHER) $(FADRM_TEACHERS)),$(eval \
	$(call teacher_rule,teacher-$(a),$(call teacher,$(a),$(MAPS_$(a)),$(ALPHA_$(a))))))
$(foreach a,$(sort $(TEACHER) $(FADRM_TEACHERS)),$(eval \
	$(call teacher_rule,teacher-$(call plain,$(a)),$(call teacher,$(a),$(MAPS_$(a)),0))))
$(foreach v,$(VALUES_alpha-pretrain),$(foreach s,$(SEEDS),$(eval \
	$(call teacher_rule,$(call pretrained,$(v),$(s)),$(call \
	teacher,$(TEACHER),$(firstword $(call split,$(v))),$(lastword $(call split,$(v))),$(s))))))

$(OUT)/protos-%.fd2: $(OUT)/teacher-%.fd2
	fd2-protos $(COMMON) -t $< -o $@

# Experts, which DATM imitates

EXPERTS = $(OUT)/experts.fd2
expert = $(strip fd2-expert $(COMMON) --size $(SIZE) $(EXPERT_OPTIONS))
$(eval $(call stamp,experts,$(expert),$(EXPERTS) $(EXPERTS).part $(EXPERTS).ckpt))
$(EXPERTS): $(OUT)/experts.settings $(TRAIN)
	@$(call outdated,$@ $@.part $@.ckpt)
	$(expert) --resume -o $@ $(TRAIN)

# Sets

PARTS := $(shell for ((a = 0; a < $(CLASSES); a += $(BATCH))); do \
	echo $$a-$$((a + $(BATCH) < $(CLASSES) ? a + $(BATCH) - 1 : $(CLASSES) - 1)); done)
ALL_CLASSES := 0-$(shell expr $(CLASSES) - 1)
LARGEST := $(shell printf '%s\n' $(IPC) | sort -n | tail -n 1)

# METHOD IPC SEED: the set's name, and its files
seed_of = $(if $(filter $(REDRAWN),$(call source,$(1))),$(2))
set = $(call source,$(1))-$(2)$(patsubst %,-seed%,$(call seed_of,$(1),$(3)))
# Matching trains networks on the images of all classes.
batches = $(if $(call matches,$(1)),$(ALL_CLASSES),$(PARTS))
parts_of = $(patsubst %,$(OUT)/$(call set,$(1),$(2),$(3))-%.tar,$(call batches,$(1)))
teachers_of = $(patsubst %,$(OUT)/teacher-%.fd2,$(call teachers,$(1)))
nested = $(and $(filter $(NESTED),$(1)),$(filter $(IPC),$(2)),$(filter-out $(LARGEST),$(2)))

# Distilling can be resumed and writes a log; with FD2 it takes prototypes, and with DATM experts.
distils = $(filter fd2-distill fd2-match,$(firstword $(images_$(1))))
has_fd2 = $(if $(filter --plain,$(images_$(1)))$(call matches,$(1)),,$(call distils,$(1)))
experts_of = $(filter $(EXPERTS),$(images_$(1)))
protos_of = $(if $(call has_fd2,$(1)),$(patsubst %,$(OUT)/protos-%.fd2,$(call teachers,$(1))))
part_files = $(1) $(1).part $(1).ckpt $(1:.tar=.log)
# METHOD IPC SEED CLASSES
define part_rule
$(OUT)/$(call set,$(1),$(2),$(3))-$(4).tar: $(OUT)/$(call set,$(1),$(2),$(3)).settings \
		$(call teachers_of,$(1)) $(call protos_of,$(1)) $(call experts_of,$(1)) $(TRAIN)
	$(if $(call distils,$(1)),@$$(call outdated,$$(call part_files,$$@)))
	$(call images,$(1),$(2),$(3)) --classes $(4) $(patsubst %,-t %,$(call teachers_of,$(1))) \
		$(patsubst %,-p %,$(call protos_of,$(1))) \
		$(if $(call distils,$(1)),--resume --log $$(@:.tar=.log)) -o $$@ $(TRAIN)
endef
# The first images of the largest set
define nested_rule
$(OUT)/$(call set,$(1),$(2),$(3))-$(4).tar: $(OUT)/$(call set,$(1),$(LARGEST),$(3))-$(4).tar
	rm -rf $$@.members; mkdir $$@.members; tar -xf $$< -C $$@.members
	tar -xOf $$< __fd2__ | jq -c 'del(.count, .digest)' >$$@.members/__fd2__
	tar -tf $$< --quoting-style=literal --exclude __fd2__ \
		$$$$(seq -f '--exclude=*/%04g.*' $$$$(($(2) + 1)) $(LARGEST)) | \
		tar -cf $$@.part -C $$@.members --owner 0 --group 0 --mode 644 --mtime @0 \
		--no-recursion --verbatim-files-from -T - __fd2__
	rm -r $$@.members; mv $$@.part $$@
endef
# METHOD IPC SEED
define set_rules
$(call stamp,$(call set,$(1),$(2),$(3)),$(call images,$(1),$(2),$(3)) $(call \
	teachers,$(1)),$(foreach \
	p,$(call parts_of,$(1),$(2),$(3)),$(call part_files,$(p))))
$(foreach p,$(call batches,$(1)),$(eval \
	$(call $(if $(call nested,$(1),$(2)),nested,part)_rule,$(1),$(2),$(3),$(p))))
endef
# METHOD/IPC/SEED of the sets that METHOD IPC SEED needs, and of those that a list of cells needs
ipcs = $(2) $(if $(call nested,$(1),$(2)),$(LARGEST))
set_of = $(foreach n,$(call ipcs,$(call source,$(1)),$(2)),$(call \
	source,$(1))/$(n)$(patsubst %,/%,$(call seed_of,$(1),$(3))))
sets = $(sort $(foreach c,$(1),$(foreach s,$(SEEDS),$(call words_of,set_of,$(dir $(c))$(s)))))
$(foreach s,$(call sets,$(CELLS)),$(eval $(call words_of,set_rules,$(s))))

# Students

# CELL SEED
result = $(OUT)/$(subst /,-,$(1))-$(2).json
# METHOD IPC STUDENT: the student reads soft labels while they are made, or has those of the images.
# Validations before the last one count only where a student's best one is its result.
learn = $(strip fd2-eval $(COMMON) --arch $(3) $(call student,$(1),$(3)) $(if $(filter \
	$(PRETRAINED_STUDENTS),$(3)),$(call init,$(3))) $(if $(filter \
	top1,$(RESULT)),--val-every 0))
own = $(learn) --$(call labels,$(1),$(2)) --size $(SIZE) --epochs $(call epochs,$(1))
soft = fd2-relabel $(COMMON) $(call labels,$(1),$(2))
has_own = $(filter hard learned,$(call labels,$(1),$(2)))
# METHOD IPC STUDENT SEED
define student_rule
$(call result,$(1)/$(2)/$(3),$(4)): $(OUT)/student-$(1)-$(2)-$(3).settings \
		$(call parts_of,$(1),$(2),$(4)) $(VAL)
	@$$(call outdated,$$@ $$@.ckpt)
	$(if $(call has_own,$(1),$(2)),$(own),$(soft) --seed $(4) $(patsubst %,-t %,$(call \
		teachers_of,$(1))) $(call parts_of,$(1),$(2),$(4)) | $(learn)) --seed $(4) \
		--data $(1) --val $(VAL) --resume -o $$@ $(call parts_of,$(1),$(2),$(4))
endef
# METHOD IPC STUDENT
define student_rules
$(call stamp,student-$(1)-$(2)-$(3),$(if $(call \
	has_own,$(1),$(2)),$(own),$(soft) $(learn)) $(call teachers,$(1)))
$(foreach s,$(SEEDS),$(eval $(call student_rule,$(1),$(2),$(3),$(s))))
endef
$(foreach c,$(CELLS),$(eval $(call words_of,student_rules,$(c))))

# The BatchNorm term

# ARCH FORM SEED; ARCH FORM
bn_log = $(OUT)/bn-$(1)-$(2)-$(3).log
bn_run = $(distill) --method sre2l++ --steps $(BN_STEPS) --plain --r-bn $(BN_WEIGHT) \
	--bn-form $(2) --classes $(firstword $(PARTS))
# ARCH FORM SEED
define bn_rule
$(call bn_log,$(1),$(2),$(3)): $(OUT)/bn-$(1)-$(2).settings $(OUT)/teacher-$(1).fd2
	rm -f $$@.part; $(bn_run) --seed $(3) --log-every 1 --log $$@.part \
		-t $(OUT)/teacher-$(1).fd2 $(TRAIN) >/dev/null; mv $$@.part $$@
endef
$(foreach a,$(TEACHERS),$(foreach f,$(BN_FORMS),$(eval $(call \
	stamp,bn-$(a)-$(f),$(call bn_run,$(a),$(f))))$(foreach s,$(SEEDS),$(eval \
	$(call bn_rule,$(a),$(f),$(s))))))
