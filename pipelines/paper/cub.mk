# CUB-200-2011: the paper's tables and figures; see paper.mk
#
#   make -f pipelines/paper/cub.mk ARCHIVE=CUB_200_2011.tgz
NAME = CUB-200-2011
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

# Table 1; the selections are from Table 1 of the appendix
PAPER = random/1/resnet18=1.5 random/3/resnet18=2.0 random/5/resnet18=2.6 \
	herding/1/resnet18=1.5 herding/3/resnet18=2.2 herding/5/resnet18=3.0 \
	k-center/1/resnet18=1.4 k-center/3/resnet18=2.2 k-center/5/resnet18=2.9 \
	rded/1/resnet18=38.3 rded/3/resnet18=52.6 rded/5/resnet18=63.9 \
	sre2l++/1/resnet18=53.4 sre2l++/3/resnet18=60.0 sre2l++/5/resnet18=63.5 \
	sre2l++fd2/1/resnet18=56.4 sre2l++fd2/3/resnet18=64.9 sre2l++fd2/5/resnet18=67.0 \
	fadrm+/1/resnet18=54.8 fadrm+/3/resnet18=64.0 fadrm+/5/resnet18=66.4 \
	fadrm+fd2/1/resnet18=55.0 fadrm+fd2/3/resnet18=64.6 fadrm+fd2/5/resnet18=67.5 \
	rded/1/resnet50=33.4 rded/3/resnet50=49.0 rded/5/resnet50=58.6 \
	sre2l++/1/resnet50=61.1 sre2l++/3/resnet50=65.1 sre2l++/5/resnet50=68.1 \
	sre2l++fd2/1/resnet50=70.1 sre2l++fd2/3/resnet50=73.7 sre2l++fd2/5/resnet50=75.5 \
	fadrm+/1/resnet50=66.2 fadrm+/3/resnet50=70.4 fadrm+/5/resnet50=71.5 \
	fadrm+fd2/1/resnet50=66.5 fadrm+fd2/3/resnet50=70.6 fadrm+fd2/5/resnet50=72.0

# appendix, Table 1, whose depth of ConvNets is not in print; Table 2
PAPER_matching = dsa/1/convnet5=3.6 dsa/3/convnet5=6.5 dsa/5/convnet5=10.2 \
	dm/1/convnet5=1.8 dm/3/convnet5=4.5 dm/5/convnet5=7.5 \
	datm/1/convnet5=4.3 datm/3/convnet5=6.6 datm/5/convnet5=8.7
PAPER_cost = dsa=3900/68.4 dm=1400/28.9 datm=2700/50.0 sre2l++=64.6/4.8 sre2l++fd2=96.8/5.3 \
	fadrm+=88.9/12.2 fadrm+fd2=134.8/14.1

# Table 3; its figures for ResNet-50 differ from those of Table 1
PAPER_cross = sre2l++/3/shufflenet_v2_x1_0=38.5 sre2l++fd2/3/shufflenet_v2_x1_0=47.6 \
	fadrm+/3/shufflenet_v2_x1_0=46.4 fadrm+fd2/3/shufflenet_v2_x1_0=46.7 \
	sre2l++/3/mobilenet_v2=57.1 sre2l++fd2/3/mobilenet_v2=62.9 \
	fadrm+/3/mobilenet_v2=64.9 fadrm+fd2/3/mobilenet_v2=65.8 \
	sre2l++/3/densenet121=62.0 sre2l++fd2/3/densenet121=65.8 fadrm+/3/densenet121=68.6 \
	fadrm+fd2/3/densenet121=68.1 \
	sre2l++/3/resnet18=60.0 sre2l++fd2/3/resnet18=64.9 fadrm+/3/resnet18=64.0 \
	fadrm+fd2/3/resnet18=64.6 \
	sre2l++/3/resnet50=64.2 sre2l++fd2/3/resnet50=67.7 fadrm+/3/resnet50=70.4 \
	fadrm+fd2/3/resnet50=70.6
TABLES ?= teachers main cross

# Tables 4 to 7, and 4 and 5 of the appendix
PAPER_ablation-alpha = alpha-0.1/3/resnet18=62.8 alpha-0.3/3/resnet18=63.3 \
	alpha-0.5/3/resnet18=63.4 \
	alpha-0.7/3/resnet18=62.1 alpha-0.9/3/resnet18=62.4
PAPER_ablation-beta = beta-0.00/3/resnet18=63.5 beta-0.25/3/resnet18=63.7 \
	beta-0.50/3/resnet18=64.8 \
	beta-0.75/3/resnet18=64.7 beta-1.00/3/resnet18=64.1
PAPER_ablation-ns = ns-2/5/resnet18=64.1 ns-3/5/resnet18=64.9 ns-4/5/resnet18=66.1 \
	ns-5/5/resnet18=64.6
PAPER_ablation-constraints = constraints-none/3/resnet18=63.4 \
	constraints-F/3/resnet18=64.8 constraints-S/3/resnet18=64.6 \
	constraints-both/3/resnet18=64.9
PAPER_ablation-lambda = lambda-0.2/5/resnet18=65.4 lambda-0.4/5/resnet18=65.0 \
	lambda-0.6/5/resnet18=65.7 lambda-0.8/5/resnet18=67.0
PAPER_ns-time = 2=1708.3 3=1709.0 4=1713.1 5=1739.4

# the authors' program
AUTHORS_STEPS = 10000
AUTHORS_LABEL_BATCH = 20
MEAN = 0.4857,0.4994,0.4326
STD = 0.2260,0.2215,0.2595

include $(dir $(lastword $(MAKEFILE_LIST)))paper.mk
