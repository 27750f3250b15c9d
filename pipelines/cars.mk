# Stanford Cars: the paper's tables, SRe2L++ with and without FD2.  make -f pipelines/cars.mk ARCHIVE='car_ims.tgz cars_annos.mat'; see paper.mk
SET = cars
OFFICIAL_CLASSES = 196
IPC = 1 3 5

# appendix, Table 3: attention maps, alpha, and the teachers' accuracies (backbone/CAL)
MAPS_resnet18 = 8
ALPHA_resnet18 = 0.3
MAPS_resnet50 = 32
ALPHA_resnet50 = 0.4
MAPS_mobilenet_v2 = 16
ALPHA_mobilenet_v2 = 0.4
MAPS_densenet121 = 32
ALPHA_densenet121 = 0.4
MAPS_shufflenet_v2_x1_0 = 8
ALPHA_shufflenet_v2_x1_0 = 0.1
PAPER_TEACHERS = resnet18=85.2/88.6 \
	resnet50=89.2/91.9 \
	mobilenet_v2=86.7/88.8 \
	densenet121=88.6/91.68 \
	shufflenet_v2_x1_0=71.6/76.7

# Table 1
PAPER = sre2l++/1/resnet18=52.4 sre2l++/3/resnet18=68.2 sre2l++/5/resnet18=70.9 \
	fd2/1/resnet18=64.5 fd2/3/resnet18=75.2 fd2/5/resnet18=81.4 \
	sre2l++/1/resnet50=65.6 sre2l++/3/resnet50=76.6 sre2l++/5/resnet50=78.0 \
	fd2/1/resnet50=80.7 fd2/3/resnet50=86.5 fd2/5/resnet50=88.3

# the authors' program
AUTHORS_STEPS = 4000
AUTHORS_LABEL_BATCH = 14
MEAN = 0.4708,0.4601,0.4551
STD = 0.2885,0.2879,0.2962

include $(dir $(lastword $(MAKEFILE_LIST)))paper.mk
