/* DenseNet (Huang et al. 2017) with torchvision's layers and names: "features.conv0" to
 * "features.norm5", classifier "classifier". */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/nn/backbone.h"

enum { BLOCKS = 4, LAYERS_MAX = 48, GROWTH = 32, BOTTLENECK = 4 * GROWTH };

/* BatchNorm, ReLU, then the convolution. */
struct unit {
	struct bn bn;
	struct conv conv;
};

struct densenet {
	const int *layers; /* layers per block */
	struct conv_bn stem;
	struct unit layer[BLOCKS][LAYERS_MAX][2]; /* 1x1, 3x3 */
	struct unit transition[BLOCKS - 1];
	struct bn last;
};

static void unit_init(
    struct unit *u, struct params *p, const char *bn, const char *conv, struct conv_shape shape)
{
	bn_init(&u->bn, p, bn, shape.in, 1e-5);
	conv_init(&u->conv, p, conv, shape);
}

static Tensor *unit_forward(const struct unit *u, const Tensor *x, const struct pass *pass)
{
	Tensor *y = bn_act(&u->bn, x, NULL, RELU, pass);
	return replace_tensor(y, conv_forward(&u->conv, y, pass));
}

static void *build(
    struct params *p, struct linear *classifier, const struct arch_options *o, const int *layers)
{
	struct densenet *net = xcalloc(1, sizeof *net);
	net->layers = layers;
	int channels = 64;
	p->conv_start = CONV_FAN_IN;
	conv_bn_init(&net->stem, p, "features.conv0", "features.norm0",
	    (struct conv_shape){.in = 3, .out = channels, .kernel = 7, .stride = 2, .padding = 3});
	for (int b = 0; b < BLOCKS; b++) {
		for (int i = 0; i < layers[b]; i++, channels += GROWTH) {
			const char *name =
			    key(p, "features.denseblock%d.denselayer%d", b + 1, i + 1);
			unit_init(&net->layer[b][i][0], p, key(p, "%s.norm1", name),
			    key(p, "%s.conv1", name),
			    (struct conv_shape){.in = channels, .out = BOTTLENECK, .kernel = 1});
			unit_init(&net->layer[b][i][1], p, key(p, "%s.norm2", name),
			    key(p, "%s.conv2", name),
			    (struct conv_shape){
			        .in = BOTTLENECK, .out = GROWTH, .kernel = 3, .padding = 1});
		}
		if (b == BLOCKS - 1)
			break;
		unit_init(&net->transition[b], p, key(p, "features.transition%d.norm", b + 1),
		    key(p, "features.transition%d.conv", b + 1),
		    (struct conv_shape){.in = channels, .out = channels / 2, .kernel = 1});
		channels /= 2;
	}
	bn_init(&net->last, p, "features.norm5", channels, 1e-5);
	linear_init(classifier, p, "classifier", channels, o->classes, BIAS_ZERO);
	return net;
}

/* Each layer sees the outputs of all layers before it in its block. Frees x. */
static Tensor *dense_block(struct unit (*layer)[2], int n, Tensor *x, const struct pass *pass)
{
	for (int i = 0; i < n; i++) {
		Tensor *narrow = unit_forward(&layer[i][0], x, pass);
		Tensor *grown = replace_tensor(narrow, unit_forward(&layer[i][1], narrow, pass));
		x = replace_tensor(
		    x, replace_tensor(grown, tensor_cat((Tensor *[]){x, grown}, 2, 1)));
	}
	return x;
}

static Tensor *features(void *net, const Tensor *x, const struct pass *pass)
{
	struct densenet *d = net;
	Tensor *y = conv_bn_relu_pool(&d->stem, x, pass);
	for (int b = 0; b < BLOCKS; b++) {
		y = dense_block(d->layer[b], d->layers[b], y, pass);
		if (b == BLOCKS - 1)
			break;
		y = replace_tensor(y, unit_forward(&d->transition[b], y, pass));
		y = replace_tensor(y, tensor_avg_pool2d(y, 2, 2, 0));
	}
	return replace_tensor(y, bn_act(&d->last, y, NULL, RELU, pass));
}

/* Early torchvision files say "denselayer1.norm.1.weight" for the layer now called "norm1". */
static void rename_first(char name[ARCH_NAME_MAX])
{
	char *layer = strstr(name, ".denselayer");
	if (!layer)
		return;
	char *dot = strstr(layer, "norm.");
	dot = dot ? dot + 4 : (dot = strstr(layer, "conv.")) ? dot + 4 : NULL;
	if (dot && isdigit((unsigned char)dot[1]))
		memmove(dot, dot + 1, strlen(dot));
}

/* Below 29 pixels the last transition's pooling would have no output. */
#define DENSENET(n, channels, ...)                                                                 \
	static void *build##n(                                                                     \
	    struct params *p, struct linear *classifier, const struct arch_options *o)             \
	{                                                                                          \
		static const int layers[BLOCKS] = {__VA_ARGS__};                                   \
		return build(p, classifier, o, layers);                                            \
	}                                                                                          \
	const struct arch densenet##n = {                                                          \
	    "densenet" #n, channels, build##n, features, .rename = rename_first, .min_size = 29};
DENSENET(121, 1024, 6, 12, 24, 16)
DENSENET(169, 1664, 6, 12, 32, 32)
DENSENET(201, 1920, 6, 12, 48, 32)
