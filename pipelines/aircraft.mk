# FGVC-Aircraft: the paper's tables, SRe2L++ with and without FD2.  make -f pipelines/aircraft.mk ARCHIVE=fgvc-aircraft-2013b.tar.gz; see paper.mk
SET = aircraft
OFFICIAL_CLASSES = 100
IPC = 1 3 5

# appendix, Table 3: attention maps, alpha, and the teachers' accuracies (backbone/CAL)
MAPS_resnet18 = 32
ALPHA_resnet18 = 0.3
MAPS_resnet50 = 32
ALPHA_resnet50 = 0.4
MAPS_mobilenet_v2 = 16
ALPHA_mobilenet_v2 = 0.2
MAPS_densenet121 = 16
ALPHA_densenet121 = 0.4
MAPS_shufflenet_v2_x1_0 = 16
ALPHA_shufflenet_v2_x1_0 = 0.1
PAPER_TEACHERS = resnet18=83.9/84.6 \
	resnet50=87.3/87.7 \
	mobilenet_v2=84.3/84.8 \
	densenet121=87.5/88.4 \
	shufflenet_v2_x1_0=71.4/70.3

# Table 1
PAPER = sre2l++/1/resnet18=52.6 sre2l++/3/resnet18=66.6 sre2l++/5/resnet18=68.3 \
	fd2/1/resnet18=58.2 fd2/3/resnet18=76.1 fd2/5/resnet18=80.0 \
	sre2l++/1/resnet50=59.3 sre2l++/3/resnet50=68.0 sre2l++/5/resnet50=72.2 \
	fd2/1/resnet50=67.8 fd2/3/resnet50=76.7 fd2/5/resnet50=79.0

# the authors' program
AUTHORS_STEPS = 4000
AUTHORS_LABEL_BATCH = 20
MEAN = 0.4865,0.5177,0.5425
STD = 0.2124,0.2051,0.2375

include $(dir $(lastword $(MAKEFILE_LIST)))paper.mk
