# Lists for other schedulers: the files that the tables in TABLES want, one a line, once all that they share is there.

cells_wanted = $(sort $(foreach t,$(TABLES),$(cells_$(t))))
words_of = $(call $(1),$(word 1,$(call split,$(2))),$(word 2,$(call split,$(2))),$(word 3,$(call split,$(2))))
sets_wanted = $(foreach s,$(call sets,$(cells_wanted)),$(if $(call words_of,nested,$(s)),,$(s)))
methods_wanted = $(sort $(foreach s,$(sets_wanted),$(firstword $(call split,$(s)))))
wanted_sets = $(foreach s,$(sets_wanted),$(call words_of,parts_of,$(s)))
wanted_teachers = $(sort $(foreach m,$(methods_wanted),$(call teachers_of,$(m))) $(foreach t,$(TABLES),$(filter %.fd2,$(needs_$(t)))))
wanted_students = $(sort $(foreach t,$(TABLES),$(filter %.json,$(needs_$(t)))))
stamp_of_student = $(OUT)/student-$(subst /,-,$(1)).settings

list-teachers: $(TRAIN) $(VAL) $(wanted_teachers:%.fd2=%.settings)
list-sets: $(wanted_teachers) $(foreach m,$(methods_wanted),$(call protos_of,$(m))) \
	$(foreach s,$(sets_wanted),$(OUT)/$(call words_of,set,$(s)).settings)
list-students: $(wanted_sets) $(foreach c,$(cells_wanted),$(call stamp_of_student,$(c)))
.PHONY: list-teachers list-sets list-students
list-teachers list-sets list-students: list-%:
	@printf '%s\n' $(wanted_$*)
