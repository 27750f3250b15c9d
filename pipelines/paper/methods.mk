# What each method runs. A METHOD is one of these or a variant of an ablation; it has
#
#   images_METHOD     the command that makes its images, without --ipc, --classes, teachers and
#                     real images
#   as_METHOD         instead: the method whose images it takes
#   teachers_METHOD   teachers of images and labels, if other than TEACHER: names of backbones,
#                     with -plain for those without CAL
#   labels_METHOD     options of fd2-relabel, if other than those of distilled images; "hard":
#                     class labels only; "learned": those that the images carry
#   student_METHOD    options of fd2-eval, likewise
#   epochs_METHOD     of students, likewise
#
# Options may use $(1): images per class or, in student_METHOD, the student.

# The first rows of every table of students: random photographs, with hard labels as in Table 1 of
# the appendix and with the labels of distilled images. RANDOM= leaves them out.
RANDOM = random random-soft
# Methods whose images are redrawn for every seed. It was called ANEW.
REDRAWN = $(if $(filter undefined,$(origin ANEW)),random,$(ANEW))
METHODS ?= $(RANDOM) herding k-center rded sre2l++ sre2l++fd2 fadrm+ fadrm+fd2
CROSS_METHODS = $(RANDOM) sre2l++ sre2l++fd2 fadrm+ fadrm+fd2

COMMON = --device $(DEVICE) --threads $(THREADS)

images_random = fd2-select $(COMMON) --method random
as_random-soft = random
images_herding = fd2-select $(COMMON) --method herding
images_k-center = fd2-select $(COMMON) --method k-center
$(foreach m,random herding k-center,$(eval labels_$(m) = hard)$(eval student_$(m) = \
	$$(HARD_OPTIONS)))

# RDED's students have a recipe of their own: batch 10, 50 or 100 at IPC 1, 10 or 50, that of the
# next smaller one at another IPC, and twice as many with 100 classes and more.
RDED_EPOCHS = 300
images_rded = fd2-select $(COMMON) --method rded
labels_rded = --epochs $(RDED_EPOCHS) --shuffle-patches --min-scale 0.5 --bn eval \
	--batch $(rded_batch_$(1))
$(foreach n,$(IPC),$(eval rded_batch_$(n) := $(shell \
	echo $$((($(n) < 10 ? 10 : $(n) < 50 ? 50 : 100) * ($(CLASSES) < 100 ? 1 : 2))))))
student_rded =

distill = fd2-distill $(COMMON) --batch $(BATCH)
sre2l = $(distill) --method sre2l++ --steps $(STEPS) $(SRE2L_OPTIONS)
images_sre2l++ = $(sre2l) --plain
images_sre2l++fd2 = $(sre2l) $(FD2_OPTIONS)

# The appendix's teachers for fine-grained sets; nette.mk and woof.mk have those of general sets.
FADRM_TEACHERS ?= resnet18 mobilenet_v2 resnet50 densenet121
fadrm = $(distill) --method fadrm+ --steps $(FADRM_STEPS) $(FADRM_OPTIONS)
images_fadrm+ = $(fadrm) --plain
images_fadrm+fd2 = $(fadrm) $(FD2_OPTIONS)
teachers_fadrm+fd2 = $(FADRM_TEACHERS)
FADRM_STUDENT_OPTIONS ?= $(STUDENT_OPTIONS)
$(foreach m,fadrm+ fadrm+fd2,$(eval \
	student_$(m) = $$(STUDENT_OPTIONS_$$(1)) $$(FADRM_STUDENT_OPTIONS)))

# The base methods have teachers without CAL, as in their papers, and as METHOD@cal those of FD2.
BASE_METHODS = rded sre2l++ fadrm+
plain = $(1:%=%-plain)
teachers_rded = $(call plain,$(TEACHER))
teachers_sre2l++ = $(call plain,$(TEACHER))
teachers_fadrm+ = $(call plain,$(FADRM_TEACHERS))
teachers_fadrm+@cal = $(FADRM_TEACHERS)
$(foreach m,$(BASE_METHODS),$(eval images_$(m)@cal = $$(images_$(m)))$(foreach \
	v,labels_$(m) student_$(m),$(if $(filter-out \
	undefined,$(origin $(v))),$(eval $(v)@cal = $$($(v))))))

# Matching, as in the appendix: without a teacher, and the student is a ConvNet that suits the size,
# trained as in the methods' own programs.
MATCH_METHODS = dsa dm datm
CONVNET := convnet$(shell d=3; while ((d < 6 && $(SIZE) >> (d + 1) >= 4)); do ((++d)); done; \
	echo $$d)
MATCH_EPOCHS = 1000
EXPERT_OPTIONS =
MATCH_OPTIONS =
DATM_OPTIONS =
match = fd2-match $(COMMON) --size $(SIZE) $(MATCH_OPTIONS)
images_dsa = $(match) --method dsa
images_dm = $(match) --method dm
images_datm = $(match) --method datm --experts $(EXPERTS) $(DATM_OPTIONS)
labels_dsa = hard
labels_dm = hard
labels_datm = learned
$(foreach m,$(MATCH_METHODS),$(eval epochs_$(m) = $$(MATCH_EPOCHS))$(eval \
	student_$(m) = --optimizer sgd \
	--schedule step --siamese --weight-decay 5e-4 --batch 256))

# What the rules call

# METHOD VARIABLE ARGUMENT DEFAULT
of_method = $(strip $(if $(filter undefined,$(origin $(2)_$(1))),$(4),$(call $(2)_$(1),$(3))))

source = $(or $(as_$(1)),$(1))
matches = $(filter $(MATCH_METHODS),$(1))
teachers = $(if $(matches),,$(or $(teachers_$(1)),$(TEACHER)))
epochs = $(or $(epochs_$(1)),$(STUDENT_EPOCHS))
# METHOD IPC SEED; METHOD IPC; METHOD STUDENT
images = $(strip $(images_$(1)) --ipc $(2) $(if $(3),--seed $(3)))
labels = $(call of_method,$(1),labels,$(2),--epochs $(call epochs,$(1)) $(LABEL_OPTIONS))
student = $(call of_method,$(1),student,$(2),$(STUDENT_OPTIONS_$(2)) $(STUDENT_OPTIONS))

weights_of_shufflenet_v2_x1_0 = shufflenetv2_x1
weights_of_shufflenet_v2_x0_5 = shufflenetv2_x0.5
# ARCH: its --init; an error without the weights
init = --init $(or $(firstword $(wildcard $(WEIGHTS)/$(1).* \
	$(WEIGHTS)/$(or $(weights_of_$(1)),$(1))-*)),$(error no weights of $(1) in $(WEIGHTS)))
