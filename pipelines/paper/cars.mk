# Stanford Cars: the paper's tables and figures; see paper.mk
#
#   make -f pipelines/paper/cars.mk ARCHIVE='car_ims.tgz cars_annos.mat'
NAME = Stanford Cars
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

# Table 1; the selections are from Table 1 of the appendix
PAPER = random/1/resnet18=1.2 random/3/resnet18=1.3 random/5/resnet18=1.5 \
	herding/1/resnet18=1.3 herding/3/resnet18=2.0 herding/5/resnet18=2.4 \
	k-center/1/resnet18=1.2 k-center/3/resnet18=1.8 k-center/5/resnet18=2.0 \
	rded/1/resnet18=33.0 rded/3/resnet18=69.4 rded/5/resnet18=76.1 \
	sre2l++/1/resnet18=52.4 sre2l++/3/resnet18=68.2 sre2l++/5/resnet18=70.9 \
	sre2l++fd2/1/resnet18=64.5 sre2l++fd2/3/resnet18=75.2 sre2l++fd2/5/resnet18=81.4 \
	fadrm+/1/resnet18=60.3 fadrm+/3/resnet18=75.0 fadrm+/5/resnet18=77.7 \
	fadrm+fd2/1/resnet18=74.1 fadrm+fd2/3/resnet18=84.8 fadrm+fd2/5/resnet18=86.6 \
	rded/1/resnet50=12.8 rded/3/resnet50=70.2 rded/5/resnet50=75.9 \
	sre2l++/1/resnet50=65.6 sre2l++/3/resnet50=76.6 sre2l++/5/resnet50=78.0 \
	sre2l++fd2/1/resnet50=80.7 sre2l++fd2/3/resnet50=86.5 sre2l++fd2/5/resnet50=88.3 \
	fadrm+/1/resnet50=73.9 fadrm+/3/resnet50=78.9 fadrm+/5/resnet50=82.2 \
	fadrm+fd2/1/resnet50=85.3 fadrm+fd2/3/resnet50=87.8 fadrm+fd2/5/resnet50=89.0

# appendix, Table 1, whose depth of ConvNets is not in print
PAPER_matching = dsa/1/convnet5=7.2 dsa/3/convnet5=7.4 dsa/5/convnet5=7.8 \
	dm/1/convnet5=6.3 dm/3/convnet5=7.1 dm/5/convnet5=7.6 \
	datm/1/convnet5=6.2 datm/3/convnet5=6.3 datm/5/convnet5=5.7

# the authors' program
AUTHORS_STEPS = 4000
AUTHORS_LABEL_BATCH = 14
MEAN = 0.4708,0.4601,0.4551
STD = 0.2885,0.2879,0.2962

include $(dir $(lastword $(MAKEFILE_LIST)))paper.mk
