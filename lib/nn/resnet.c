/* ResNet (He et al. 2016) with torchvision's layers and names: stem, four stages of basic or
 * bottleneck blocks, classifier "fc". */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/nn/backbone.h"

enum { BLOCKS_MAX = 23, STAGES = 4 };

/* Convolutions of a block. */
enum { BASIC = 2, BOTTLENECK = 3 };

struct block {
	int units; /* BASIC or BOTTLENECK */
	struct conv_bn unit[3];
	bool projects; /* the shortcut has a 1x1 convolution */
	struct conv_bn down;
};

struct resnet {
	struct conv_bn stem;
	struct block stage[STAGES][BLOCKS_MAX];
	const int *depth; /* blocks per stage */
};

/* Adds keys in the order of torchvision's modules: conv1 bn1 conv2 bn2 (conv3 bn3) downsample. The
 * 3x3 convolution has the stride. */
static void block_init(struct block *k, struct params *p, const char *name, int in, int width,
    int out, int units, int stride)
{
	k->units = units;
	for (int i = 0; i < units; i++) {
		bool wide = units == BASIC || i == 1; /* 3x3 */
		struct conv_shape shape = {.in = i ? width : in,
		    .out = i == units - 1 ? out : width,
		    .kernel = wide ? 3 : 1,
		    .stride = i == (units == BASIC ? 0 : 1) ? stride : 1,
		    .padding = wide};
		conv_bn_init(&k->unit[i], p, key(p, "%s.conv%d", name, i + 1),
		    key(p, "%s.bn%d", name, i + 1), shape);
	}
	k->projects = stride != 1 || in != out;
	if (k->projects)
		conv_bn_init(&k->down, p, key(p, "%s.downsample.0", name),
		    key(p, "%s.downsample.1", name),
		    (struct conv_shape){.in = in, .out = out, .kernel = 1, .stride = stride});
}

static Tensor *block_forward(const struct block *k, const Tensor *x, const struct pass *pass)
{
	Tensor *shortcut = k->projects ? conv_bn_act(&k->down, x, NULL, LINEAR, pass) : NULL;
	Tensor *y = conv_bn_act(&k->unit[0], x, NULL, RELU, pass);
	for (int i = 1; i < k->units; i++) {
		const Tensor *residual = i < k->units - 1 ? NULL : shortcut ? shortcut : x;
		y = replace_tensor(y, conv_bn_act(&k->unit[i], y, residual, RELU, pass));
	}
	return replace_tensor(shortcut, y);
}

static void *build(
    struct params *p, struct linear *fc, const struct arch_options *o, const int *depth, int units)
{
	struct resnet *net = xcalloc(1, sizeof *net);
	net->depth = depth;
	p->conv_start = CONV_FAN_OUT;
	conv_bn_init(&net->stem, p, "conv1", "bn1",
	    (struct conv_shape){.in = 3, .out = 64, .kernel = 7, .stride = 2, .padding = 3});
	int in = 64;
	for (int s = 0; s < STAGES; s++) {
		int width = 64 << s, out = units == BOTTLENECK ? 4 * width : width;
		for (int i = 0; i < depth[s]; i++) {
			int stride = i || !s ? 1 : s == STAGES - 1 ? o->last_stride : 2;
			block_init(&net->stage[s][i], p, key(p, "layer%d.%d", s + 1, i), in, width,
			    out, units, stride);
			in = out;
		}
	}
	linear_init(fc, p, "fc", in, o->classes, BIAS_TORCH);
	return net;
}

static Tensor *features(void *net, const Tensor *x, const struct pass *pass)
{
	struct resnet *r = net;
	Tensor *y = conv_bn_relu_pool(&r->stem, x, pass);
	for (int s = 0; s < STAGES; s++)
		for (int i = 0; i < r->depth[s]; i++)
			y = replace_tensor(y, block_forward(&r->stage[s][i], y, pass));
	return y;
}

#define RESNET(n, kind, channels, ...)                                                             \
	static void *build##n(struct params *p, struct linear *fc, const struct arch_options *o)   \
	{                                                                                          \
		static const int depth[STAGES] = {__VA_ARGS__};                                    \
		return build(p, fc, o, depth, kind);                                               \
	}                                                                                          \
	const struct arch resnet##n = {                                                            \
	    "resnet" #n, channels, build##n, features, .has_stride = true};
RESNET(18, BASIC, 512, 2, 2, 2, 2)
RESNET(34, BASIC, 512, 3, 4, 6, 3)
RESNET(50, BOTTLENECK, 2048, 3, 4, 6, 3)
RESNET(101, BOTTLENECK, 2048, 3, 4, 23, 3)
