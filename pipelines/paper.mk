# The paper's tables and figures for one data set. The sets' own files (cub.mk ...) hold what differs and include this one:
#
#   make -f pipelines/cub.mk ARCHIVE=CUB_200_2011.tgz [WEIGHTS=DIR]                  its tables, below cub-paper/
#   make -f pipelines/cub.mk ARCHIVE=CUB_200_2011.tgz WEIGHTS=DIR PRESET=authors     as the authors' program sets it, below cub-authors/
#   make -f pipelines/cub.mk ARCHIVE=CUB_200_2011.tgz ablation-beta ns-time          others of the goals:
#
#   teachers  main  cross                       Table 3 of the appendix; Tables 1 and 2, with Table 1 of the appendix; Table 3
#   ablation-alpha-pretrain  ablation-alpha     Fig. 4, Table 4
#   ablation-beta  ablation-ns                  Tables 5 and 6
#   ablation-constraints  ablation-lambda       Table 7; Table 4 of the appendix
#   ns-time  bn-loss                            Table 5 of the appendix; the BatchNorm term of each backbone
#   all  ablations                              those in TABLES; all ablations with ns-time
#   list-teachers  list-sets  list-students     work for other schedulers, see slurm.sh
#   clean-parts                                 removes what interrupted runs would go on from
#
# Each table is OUT/GOAL.tsv and OUT/GOAL.md. WEIGHTS is a folder of torchvision's ImageNet weights, which teachers start from where it
# is given. -n shows what will run. What is finished is not made again, what was interrupted goes on, and what depends on a setting that
# has changed is made anew. Under -j give THREADS too. Every variable can be given on the command line.

.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL = all
MAKEFLAGS += --no-builtin-rules
SHELL = /bin/bash
.SHELLFLAGS = -euo pipefail -c
pipelines := $(dir $(lastword $(MAKEFILE_LIST)))
export PATH := $(abspath $(pipelines)../build/bin):$(PATH)

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
TABLES ?= teachers main

include $(pipelines)presets.mk
include $(pipelines)methods.mk
include $(pipelines)experiments.mk
include $(pipelines)stages.mk
include $(pipelines)tables.mk
include $(pipelines)lists.mk
