# FGVC-Aircraft: the paper's tables and figures; see paper.mk
#
#   make -f pipelines/paper/aircraft.mk ARCHIVE=fgvc-aircraft-2013b.tar.gz
NAME = FGVC-Aircraft
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

# Table 1; the selections are from Table 1 of the appendix
PAPER = random/1/resnet18=1.8 random/3/resnet18=3.8 random/5/resnet18=4.4 \
	herding/1/resnet18=2.0 herding/3/resnet18=4.1 herding/5/resnet18=5.0 \
	k-center/1/resnet18=2.5 k-center/3/resnet18=4.1 k-center/5/resnet18=4.8 \
	rded/1/resnet18=22.1 rded/3/resnet18=36.4 rded/5/resnet18=38.6 \
	sre2l++/1/resnet18=52.6 sre2l++/3/resnet18=66.6 sre2l++/5/resnet18=68.3 \
	sre2l++fd2/1/resnet18=58.2 sre2l++fd2/3/resnet18=76.1 sre2l++fd2/5/resnet18=80.0 \
	fadrm+/1/resnet18=55.0 fadrm+/3/resnet18=72.9 fadrm+/5/resnet18=74.0 \
	fadrm+fd2/1/resnet18=60.5 fadrm+fd2/3/resnet18=75.1 fadrm+fd2/5/resnet18=77.6 \
	rded/1/resnet50=12.8 rded/3/resnet50=34.8 rded/5/resnet50=45.2 \
	sre2l++/1/resnet50=59.3 sre2l++/3/resnet50=68.0 sre2l++/5/resnet50=72.2 \
	sre2l++fd2/1/resnet50=67.8 sre2l++fd2/3/resnet50=76.7 sre2l++fd2/5/resnet50=79.0 \
	fadrm+/1/resnet50=70.8 fadrm+/3/resnet50=76.1 fadrm+/5/resnet50=78.6 \
	fadrm+fd2/1/resnet50=73.8 fadrm+fd2/3/resnet50=78.9 fadrm+fd2/5/resnet50=81.0

# appendix, Table 1, whose depth of ConvNets is not in print
PAPER_matching = dsa/1/convnet5=8.4 dsa/3/convnet5=11.3 dsa/5/convnet5=14.9 \
	dm/1/convnet5=5.4 dm/3/convnet5=11.1 dm/5/convnet5=16.0 \
	datm/1/convnet5=1.4 datm/3/convnet5=10.2 datm/5/convnet5=17.7

# Table 4
PAPER_ablation-alpha = alpha-0.1/3/resnet18=75.1 alpha-0.3/3/resnet18=75.9 \
	alpha-0.5/3/resnet18=74.8 \
	alpha-0.7/3/resnet18=75.6 alpha-0.9/3/resnet18=75.2

# the authors' program
AUTHORS_STEPS = 4000
AUTHORS_LABEL_BATCH = 20
MEAN = 0.4865,0.5177,0.5425
STD = 0.2124,0.2051,0.2375

include $(dir $(lastword $(MAKEFILE_LIST)))paper.mk
