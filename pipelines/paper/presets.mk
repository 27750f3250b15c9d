# PRESET: the paper's settings, or those of the authors' program where they differ.

ifeq ($(PRESET),paper)
# What is not set here is fd2's default with --method, as the paper and the work that it names say.
EPOCHS = 300
STEPS = 4000
FADRM_STEPS = 2000
STUDENT_EPOCHS ?= 400
IMPORT_OPTIONS = --size $(shell expr $(SIZE) '*' 8 / 7) --fit short
FD2_OPTIONS = --other full --ls-view literal
RESULT = top1
else ifeq ($(PRESET)$(AUTHORS_STEPS),authors)
$(error the authors' program has no settings for $(SET))
else ifeq ($(PRESET),authors)
# The settings of their scripts, with two exceptions for FADRM+: the phases have 1500, 1500, 1500
# and 2000 steps there, and equal numbers here; and since they published no program for FADRM+
# alone, it has the settings of FADRM+ with FD2.
ifeq ($(WEIGHTS),)
$(error the authors' teachers start from ImageNet weights: give their folder with WEIGHTS=)
endif
EPOCHS = 50
STEPS = $(AUTHORS_STEPS)
FADRM_STEPS = 6500
STUDENT_EPOCHS ?= 400
IMPORT_OPTIONS = --size $(SIZE) --fit squash
TEACHER_OPTIONS = --mean $(MEAN) --std $(STD) --cal-augment --center-update cal --augment crop \
	--fit whole --jitter 0.2,0.2,0.2,0.1 --rotate 15 -b 4 --lr 0.001 --schedule exp --cal-lr 1 \
	--weight-decay 1e-5
SRE2L_OPTIONS = --lr 0.001 --r-bn 0.001
FADRM_OPTIONS = --lr 0.1 --r-bn 0.001
FD2_OPTIONS = --lambda 0.9 --bn-head --ls-view once
LABEL_OPTIONS = --batch $(AUTHORS_LABEL_BATCH)
STUDENT_OPTIONS = --weight-decay 1e-5 --lr 0.001 --zeta 2
FADRM_STUDENT_OPTIONS = --weight-decay 1e-5 --lr 0.01 --zeta 2
HARD_OPTIONS = --fit whole
PRETRAINED_STUDENTS = resnet50
# Their ShuffleNetV2 is x0.5.
x0_5_too = $(1) $(foreach w,$(1),$(if $(findstring shufflenet_v2_x1_0,$(w)),$(subst \
	shufflenet_v2_x1_0,shufflenet_v2_x0_5,$(w))))
TEACHERS += shufflenet_v2_x0_5
CROSS_STUDENTS += shufflenet_v2_x0_5
MAPS_shufflenet_v2_x0_5 = $(MAPS_shufflenet_v2_x1_0)
ALPHA_shufflenet_v2_x0_5 = $(ALPHA_shufflenet_v2_x1_0)
PAPER_cross := $(call x0_5_too,$(PAPER_cross))
PAPER_TEACHERS := $(call x0_5_too,$(PAPER_TEACHERS))
# Smaller sets of these methods are the first images of the largest one. The best validation is a
# student's result and chooses the teacher.
NESTED = sre2l++ sre2l++@cal sre2l++fd2 fadrm+ fadrm+@cal fadrm+fd2
BEST = 1
RESULT = best_top1
else
$(error PRESET is paper or authors, not $(PRESET))
endif
