# CUB-200-2011: the paper's tables, SRe2L++ with and without FD2.  make -f pipelines/cub.mk ARCHIVE=CUB_200_2011.tgz; see paper.mk
SET = cub
OFFICIAL_CLASSES = 200
IPC = 1 3 5

# appendix, Table 3: attention maps, alpha, and the teachers' accuracies (backbone/CAL)
MAPS_resnet18 = 8
ALPHA_resnet18 = 0.5
MAPS_resnet50 = 8
ALPHA_resnet50 = 0.3
MAPS_mobilenet_v2 = 16
ALPHA_mobilenet_v2 = 0.5
MAPS_densenet121 = 16
ALPHA_densenet121 = 0.4
MAPS_shufflenet_v2_x1_0 = 16
ALPHA_shufflenet_v2_x1_0 = 0.1
PAPER_TEACHERS = resnet18=71.6/76.1 \
	resnet50=76.1/79.6 \
	mobilenet_v2=72.3/75.3 \
	densenet121=77.4/81.2 \
	shufflenet_v2_x1_0=55.1/59.7

# Table 1, and for the students across architectures Table 3 (which has 64.2 and 67.7 where Table 1 has 65.1 and 73.7)
PAPER = sre2l++/1/resnet18=53.4 sre2l++/3/resnet18=60.0 sre2l++/5/resnet18=63.5 \
	fd2/1/resnet18=56.4 fd2/3/resnet18=64.9 fd2/5/resnet18=67.0 \
	sre2l++/1/resnet50=61.1 sre2l++/3/resnet50=65.1 sre2l++/5/resnet50=68.1 \
	fd2/1/resnet50=70.1 fd2/3/resnet50=73.7 fd2/5/resnet50=75.5 \
	sre2l++/3/shufflenet_v2_x1_0=38.5 sre2l++/3/mobilenet_v2=57.1 sre2l++/3/densenet121=62.0 \
	fd2/3/shufflenet_v2_x1_0=47.6 fd2/3/mobilenet_v2=62.9 fd2/3/densenet121=65.8
CROSS_IPC = 3
CROSS_STUDENTS = shufflenet_v2_x1_0 mobilenet_v2 densenet121

# the authors' program
AUTHORS_STEPS = 10000
AUTHORS_LABEL_BATCH = 20
MEAN = 0.4857,0.4994,0.4326
STD = 0.2260,0.2215,0.2595

include $(dir $(lastword $(MAKEFILE_LIST)))paper.mk
