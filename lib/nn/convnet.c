/* ConvNet as dataset condensation uses it (Zhao et al. 2021, after Gidaris and Komodakis 2018):
 * blocks of 3x3 convolution, instance norm, ReLU and 2x2 average pooling, 128 wide; the classifier
 * sees the flattened features. Names follow those programs: "features.0" (convolution),
 * "features.1" (norm), "features.4" ..., "classifier". Activations are not channels-last, because
 * the gradient of torch's group norm is then ten times slower on a CPU. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/nn/backbone.h"

enum { WIDTH = 128, DEPTH_MAX = 6 };

struct convnet {
	int depth;
	struct conv conv[DEPTH_MAX];
	struct instance_norm norm[DEPTH_MAX];
};

static void *build(
    struct params *p, struct linear *classifier, const struct arch_options *o, int depth)
{
	int side = o->size >> depth;
	struct convnet *net = xcalloc(1, sizeof *net);
	net->depth = depth;
	p->conv_start = CONV_TORCH;
	for (int i = 0; i < depth; i++) {
		struct conv_shape shape = {.in = i ? WIDTH : 3,
		    .out = WIDTH,
		    .kernel = 3,
		    .padding = 1,
		    .bias = true,
		    .planar = true};
		conv_init(&net->conv[i], p, key(p, "features.%d", 4 * i), shape);
		instance_norm_init(&net->norm[i], p, key(p, "features.%d", 4 * i + 1), WIDTH);
	}
	linear_init(classifier, p, "classifier", WIDTH * side * side, o->classes, BIAS_TORCH);
	return net;
}

/* h = H / 2^depth */
static Tensor *features(void *net, const Tensor *x, const struct pass *pass)
{
	struct convnet *c = net;
	Tensor *y = tensor_contiguous(x);
	for (int i = 0; i < c->depth; i++) {
		y = replace_tensor(y, conv_forward(&c->conv[i], y, pass));
		y = replace_tensor(y, instance_norm_forward(&c->norm[i], y));
		y = replace_tensor(y, tensor_relu(y));
		y = replace_tensor(y, tensor_avg_pool2d(y, 2, 2, 0));
	}
	return y;
}

#define CONVNET(d)                                                                                 \
	static void *build##d(                                                                     \
	    struct params *p, struct linear *classifier, const struct arch_options *o)             \
	{                                                                                          \
		return build(p, classifier, o, d);                                                 \
	}                                                                                          \
	const struct arch convnet##d = {                                                           \
	    "convnet" #d, WIDTH, build##d, features, .min_size = 1 << d, .flattens = true};
CONVNET(3)
CONVNET(4)
CONVNET(5)
CONVNET(6)
