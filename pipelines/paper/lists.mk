# Lists for other schedulers: the files that the tables in TABLES need, one per line, once what they
# share is there. The experts of DATM are among the teachers.

cells_of_tables = $(sort $(foreach t,$(TABLES),$(cells_$(t))))
all_sets = $(foreach s,$(call sets,$(cells_of_tables)),$(if $(call words_of,nested,$(s)),,$(s)))
all_methods = $(sort $(foreach s,$(all_sets),$(firstword $(call split,$(s)))))
parts_of_sets = $(foreach s,$(1),$(call words_of,parts_of,$(s)))
files_sets = $(call parts_of_sets,$(all_sets))
files_teachers = $(sort $(foreach m,$(all_methods),$(call teachers_of,$(m)) $(call \
	experts_of,$(m))) $(foreach \
	t,$(TABLES),$(filter $(EXPERTS) $(OUT)/teacher-%.fd2,$(needs_$(t)))))
files_students = $(sort $(foreach t,$(TABLES),$(filter %.json,$(needs_$(t)))))
stamp_of_student = $(OUT)/student-$(subst /,-,$(1)).settings

list-teachers: $(TRAIN) $(VAL) $(files_teachers:%.fd2=%.settings)
list-sets: $(TRAIN) $(files_teachers) $(foreach m,$(all_methods),$(call protos_of,$(m))) \
	$(foreach s,$(all_sets),$(OUT)/$(call words_of,set,$(s)).settings)
list-students: $(call parts_of_sets,$(call sets,$(cells_of_tables))) \
		$(foreach c,$(cells_of_tables),$(call stamp_of_student,$(c)))
.PHONY: list-teachers list-sets list-students
list-teachers list-sets list-students: list-%:
	@printf '%s\n' $(files_$*)
