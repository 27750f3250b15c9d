# ImageNette: the paper's tables, SRe2L++ with and without FD2.  make -f pipelines/nette.mk ARCHIVE=imagenette2-320.tgz; see paper.mk
SET = imagenette
OFFICIAL_CLASSES = 10
IPC = 1 10 50

# appendix, Table 3: attention maps, alpha, and the teachers' accuracies (backbone/CAL)
MAPS_resnet18 = 8
ALPHA_resnet18 = 0.3
MAPS_resnet50 = 32
ALPHA_resnet50 = 0.2
MAPS_mobilenet_v2 = 16
ALPHA_mobilenet_v2 = 0.1
MAPS_densenet121 = 32
ALPHA_densenet121 = 0.1
MAPS_shufflenet_v2_x1_0 = 8
ALPHA_shufflenet_v2_x1_0 = 0.3
PAPER_TEACHERS = resnet18=98.0/97.5 \
	resnet50=98.9/98.5 \
	mobilenet_v2=97.4/97.3 \
	densenet121=98.5/98.3 \
	shufflenet_v2_x1_0=94.2/93.6

# Table 2 reports RDED and FADRM+ only, so there are no figures to set beside these. Students learn for 300 epochs.
PAPER =
STUDENT_EPOCHS = 300
STUDENT_OPTIONS_resnet18 = --lr 0.0005

include $(dir $(lastword $(MAKEFILE_LIST)))paper.mk
