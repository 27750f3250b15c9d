# The paper's tables and figures for one data set. cub.mk and the other sets include this file:
#
#   make -f pipelines/paper/cub.mk ARCHIVE=CUB_200_2011.tgz WEIGHTS=DIR
#       the tables of cub.mk, in cub-paper/
#   make -f pipelines/paper/cub.mk ARCHIVE=CUB_200_2011.tgz WEIGHTS=DIR PRESET=authors
#       the settings of the authors' program, in cub-authors/
#   make -f pipelines/paper/cub.mk ARCHIVE=CUB_200_2011.tgz WEIGHTS=DIR ablation-beta ns-time
#       other goals:
#
#   teachers  main  cross                       Table 3 of the appendix; Tables 1 and 2, with
#                                               Table 1 of the appendix; Table 3
#   ablation-alpha-pretrain  ablation-alpha     Fig. 4, Table 4
#   ablation-beta  ablation-ns                  Tables 5 and 6
#   ablation-constraints  ablation-lambda       Table 7; Table 4 of the appendix
#   ns-time  bn-loss                            Table 5 of the appendix; the BatchNorm term
#   matching  cost                              Tables 1 and 2 of the appendix
#   figures                                     all figures; fig-1a and so on, see figures.mk
#   report                                      a page of all tables and figures that are there
#   all  ablations                              those in TABLES; all ablations and ns-time
#   list-teachers  list-sets  list-students     files for other schedulers, see ../slurm.sh
#   clean-parts                                 removes the state of interrupted runs
#
# WEIGHTS is a folder of torchvision's ImageNet weights; without it teachers start at random. -n
# shows the commands. Finished targets are kept, interrupted runs resume, and changing a setting
# rebuilds what depends on it. Give THREADS with -j. fd2-pipelines(7) lists the variables.

.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL = all
MAKEFLAGS += --no-builtin-rules
SHELL = /bin/bash
.SHELLFLAGS = -euo pipefail -c
paper := $(dir $(lastword $(MAKEFILE_LIST)))
export PATH := $(abspath $(paper)../../build/bin):$(PATH)

# A run with one of these on the command line is a trial: it has a folder of its own, and its tables
# leave out the paper's figures, which have other settings.
SETTINGS = CLASSES SIZE EPOCHS STEPS FADRM_STEPS STUDENT_EPOCHS RDED_EPOCHS BN_STEPS BATCH TEACHER \
	FADRM_TEACHERS IMPORT_OPTIONS TEACHER_OPTIONS SRE2L_OPTIONS FADRM_OPTIONS FD2_OPTIONS \
	EXPERT_OPTIONS MATCH_OPTIONS DATM_OPTIONS MATCH_EPOCHS LABEL_OPTIONS STUDENT_OPTIONS \
	FADRM_STUDENT_OPTIONS HARD_OPTIONS NESTED BEST RESULT

PRESET = paper
OUT = $(SET)-$(if $(trial),trial,$(PRESET))
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
TABLES ?= teachers main

include $(paper)presets.mk
include $(paper)methods.mk
include $(paper)experiments.mk
given = $(filter command environment,$(origin $(1)))
trial := $(strip $(foreach v,$(SETTINGS),$(if $(call given,$(v)),$(v)='$($(v))')))
include $(paper)stages.mk
include $(paper)tables.mk
include $(paper)figures.mk
include $(paper)lists.mk
