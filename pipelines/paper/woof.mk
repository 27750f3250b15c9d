# ImageWoof: the paper's tables and figures; see paper.mk
#
#   make -f pipelines/paper/woof.mk ARCHIVE=imagewoof2-320.tgz
NAME = ImageWoof
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

# Table 2, which leaves SRe2L++ out
PAPER = rded/1/resnet18=20.8 rded/10/resnet18=38.5 rded/50/resnet18=68.5 \
	fadrm+/1/resnet18=22.8 fadrm+/10/resnet18=57.3 fadrm+/50/resnet18=72.6 \
	fadrm+fd2/1/resnet18=22.1 fadrm+fd2/10/resnet18=60.7 fadrm+fd2/50/resnet18=80.0 \
	rded/1/resnet50=17.8 rded/10/resnet50=35.2 rded/50/resnet50=67.0 \
	fadrm+/1/resnet50=19.9 fadrm+/10/resnet50=54.1 fadrm+/50/resnet50=71.7 \
	fadrm+fd2/1/resnet50=30.3 fadrm+fd2/10/resnet50=64.6 fadrm+fd2/50/resnet50=80.2
METHODS = $(RANDOM) rded fadrm+ fadrm+fd2
FADRM_TEACHERS = resnet18 densenet121 shufflenet_v2_x1_0 mobilenet_v2
STUDENT_EPOCHS = 300

include $(dir $(lastword $(MAKEFILE_LIST)))paper.mk
