# ImageWoof: the paper's tables, SRe2L++ with and without FD2.  make -f pipelines/woof.mk ARCHIVE=imagewoof2-320.tgz; see paper.mk
SET = imagewoof
OFFICIAL_CLASSES = 10
IPC = 1 10 50

# appendix, Table 3: attention maps, alpha, and the teachers' accuracies (backbone/CAL)
MAPS_resnet18 = 8
ALPHA_resnet18 = 0.3
MAPS_resnet50 = 16
ALPHA_resnet50 = 0.2
MAPS_mobilenet_v2 = 32
ALPHA_mobilenet_v2 = 0.1
MAPS_densenet121 = 32
ALPHA_densenet121 = 0.1
MAPS_shufflenet_v2_x1_0 = 16
ALPHA_shufflenet_v2_x1_0 = 0.4
PAPER_TEACHERS = resnet18=92.3/92.6 \
	resnet50=94.1/93.8 \
	mobilenet_v2=92.4/93.3 \
	densenet121=92.4/93.3 \
	shufflenet_v2_x1_0=84.2/87.4

# Table 2 reports RDED and FADRM+ only, so there are no figures to set beside these. Students learn for 300 epochs.
PAPER =
STUDENT_EPOCHS = 300

include $(dir $(lastword $(MAKEFILE_LIST)))paper.mk
