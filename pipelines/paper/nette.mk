# ImageNette: the paper's tables and figures; see paper.mk
#
#   make -f pipelines/paper/nette.mk ARCHIVE=imagenette2-320.tgz
NAME = ImageNette
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

# Table 2, which leaves SRe2L++ out
PAPER = rded/1/resnet18=35.8 rded/10/resnet18=61.4 rded/50/resnet18=80.4 \
	fadrm+/1/resnet18=39.2 fadrm+/10/resnet18=69.0 fadrm+/50/resnet18=84.6 \
	fadrm+fd2/1/resnet18=38.6 fadrm+fd2/10/resnet18=69.5 fadrm+fd2/50/resnet18=86.7 \
	rded/1/resnet50=27.0 rded/10/resnet50=55.0 rded/50/resnet50=81.8 \
	fadrm+/1/resnet50=31.9 fadrm+/10/resnet50=68.1 fadrm+/50/resnet50=85.4 \
	fadrm+fd2/1/resnet50=39.0 fadrm+fd2/10/resnet50=71.4 fadrm+fd2/50/resnet50=92.3
METHODS = $(RANDOM) rded fadrm+ fadrm+fd2
FADRM_TEACHERS = resnet18 densenet121 shufflenet_v2_x1_0 mobilenet_v2
STUDENT_EPOCHS = 300
STUDENT_OPTIONS_resnet18 = --lr 0.0005

include $(dir $(lastword $(MAKEFILE_LIST)))paper.mk
