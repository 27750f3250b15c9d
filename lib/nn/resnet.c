/* ResNet (He et al. 2016) with torchvision's layers and names: stem, four stages of basic or bottleneck blocks, classifier "fc". */
#include "lib/nn/backbone.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"

enum { BLOCKS_MAX = 6, STAGES = 4 };

struct block {
	int convs; /* 2: basic, 3: bottleneck */
	struct conv conv[3];
	struct bn bn[3];
	bool projects; /* the shortcut has a 1x1 convolution */
	struct conv down;
	struct bn down_bn;
};

struct resnet {
	struct conv conv1;
	struct bn bn1;
	struct block stage[STAGES][BLOCKS_MAX];
	const int *depth; /* blocks a stage */
};

/* Keys come in the order of torchvision's modules: conv1 bn1 conv2 bn2 (conv3 bn3) downsample. Stride sits on the 3x3. */
static void block_init(struct block *k, struct params *p, const char *name, int in, int width, int out, int convs, int stride)
{
	k->convs = convs;
	for (int i = 0; i < convs; i++) {
		bool wide = convs == 2 || i == 1; /* 3x3 */
		char conv[64], bn[64];
		snprintf(conv, sizeof conv, "%s.conv%d", name, i + 1);
		snprintf(bn, sizeof bn, "%s.bn%d", name, i + 1);
		int from = i ? width : in, to = i == convs - 1 ? out : width;
		int s = i == (convs == 2 ? 0 : 1) ? stride : 1;
		conv_init(&k->conv[i], p, conv, from, to, wide ? 3 : 1, s, wide);
		bn_init(&k->bn[i], p, bn, to, 1e-5);
	}
	k->projects = stride != 1 || in != out;
	if (!k->projects)
		return;
	char down[64];
	snprintf(down, sizeof down, "%s.downsample.0", name);
	conv_init(&k->down, p, down, in, out, 1, stride, 0);
	snprintf(down, sizeof down, "%s.downsample.1", name);
	bn_init(&k->down_bn, p, down, out, 1e-5);
}

static Tensor *block_forward(const struct block *k, const Tensor *x, const struct pass *pass)
{
	const Tensor *y = x;
	for (int i = 0; i < k->convs; i++) {
		Tensor *n = bn_forward(&k->bn[i], conv_forward(&k->conv[i], y), pass);
		y = i < k->convs - 1 ? tensor_relu(n) : n;
	}
	const Tensor *shortcut = k->projects ? bn_forward(&k->down_bn, conv_forward(&k->down, x), pass) : x;
	return tensor_relu(tensor_add(y, shortcut));
}

static void *build(struct params *p, struct linear *fc, const struct arch_options *o, const int *depth, int convs, int expansion)
{
	struct resnet *net = xcalloc(1, sizeof *net);
	net->depth = depth;
	conv_init(&net->conv1, p, "conv1", 3, 64, 7, 2, 3);
	bn_init(&net->bn1, p, "bn1", 64, 1e-5);
	int in = 64;
	for (int s = 0; s < STAGES; s++) {
		int width = 64 << s, out = width * expansion;
		for (int i = 0; i < depth[s]; i++) {
			char name[32];
			snprintf(name, sizeof name, "layer%d.%d", s + 1, i);
			int stride = i || !s ? 1 : s == STAGES - 1 ? o->last_stride : 2;
			block_init(&net->stage[s][i], p, name, in, width, out, convs, stride);
			in = out;
		}
	}
	linear_init(fc, p, "fc", in, o->classes, true);
	return net;
}

static Tensor *features(void *net, const Tensor *x, const struct pass *pass)
{
	struct resnet *r = net;
	Tensor *y = tensor_relu(bn_forward(&r->bn1, conv_forward(&r->conv1, x), pass));
	y = tensor_max_pool2d(y, 3, 2, 1);
	for (int s = 0; s < STAGES; s++)
		for (int i = 0; i < r->depth[s]; i++)
			y = block_forward(&r->stage[s][i], y, pass);
	return y;
}

static void *build18(struct params *p, struct linear *fc, const struct arch_options *o)
{
	static const int depth[STAGES] = {2, 2, 2, 2};
	return build(p, fc, o, depth, 2, 1);
}

static void *build50(struct params *p, struct linear *fc, const struct arch_options *o)
{
	static const int depth[STAGES] = {3, 4, 6, 3};
	return build(p, fc, o, depth, 3, 4);
}

const struct arch resnet18 = {"resnet18", 512, build18, features};
const struct arch resnet50 = {"resnet50", 2048, build50, features};
