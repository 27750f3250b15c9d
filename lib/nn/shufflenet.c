/* ShuffleNetV2 (Ma et al. 2018) with torchvision's layers and names: "conv1", "stage2" to
 * "stage4", "conv5", classifier "fc". */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/nn/backbone.h"

enum { STAGES = 3, BLOCKS_MAX = 8, STEM = 24, LAST = 1024 };
static const int blocks[STAGES] = {4, 8, 4};

/* The first block of a stage halves the image and sends all channels through both branches; the
 * others keep one half of the channels as it is. */
struct block {
	bool halves;
	struct conv_bn shortcut[2]; /* branch1: depthwise, 1x1 */
	struct conv_bn branch[3];   /* branch2: 1x1, depthwise, 1x1 */
};

struct shufflenet {
	struct conv_bn first, last;
	struct block stage[STAGES][BLOCKS_MAX];
};

static struct conv_shape pointwise(int in, int out)
{
	return (struct conv_shape){.in = in, .out = out, .kernel = 1};
}

static struct conv_shape depthwise(int channels, int stride)
{
	return (struct conv_shape){.in = channels,
	    .out = channels,
	    .kernel = 3,
	    .stride = stride,
	    .padding = 1,
	    .groups = channels};
}

/* The ReLU after a 1x1's BatchNorm takes an index too: 3 follows 0, but 5 follows 3. */
static void block_init(struct block *k, struct params *p, int stage, int i, int in, int out)
{
	int half = out / 2, stride = i ? 1 : 2, from = i ? half : in;
	k->halves = !i;
#define UNIT(to, branch, at, shape)                                                                \
	conv_bn_init(to, p, key(p, "stage%d.%d.branch%d.%d", stage, i, branch, at),                \
	    key(p, "stage%d.%d.branch%d.%d", stage, i, branch, at + 1), shape)
	if (k->halves) {
		UNIT(&k->shortcut[0], 1, 0, depthwise(in, stride));
		UNIT(&k->shortcut[1], 1, 2, pointwise(in, half));
	}
	UNIT(&k->branch[0], 2, 0, pointwise(from, half));
	UNIT(&k->branch[1], 2, 3, depthwise(half, stride));
	UNIT(&k->branch[2], 2, 5, pointwise(half, half));
#undef UNIT
}

/* Reorders channels a0 a1 ... b0 b1 ... to a0 b0 a1 b1 ..., pixel by pixel, since memory is
 * channels-last. */
static Tensor *shuffle(const Tensor *x)
{
	int64_t N = tensor_size(x, 0), C = tensor_size(x, 1), H = tensor_size(x, 2),
	        W = tensor_size(x, 3);
	Tensor *y = tensor_permute(x, 4, (int[]){0, 2, 3, 1});
	y = replace_tensor(y, tensor_reshape(y, 5, (int64_t[]){N, H, W, 2, C / 2}));
	y = replace_tensor(y, tensor_transpose(y, 3, 4));
	y = replace_tensor(y, tensor_reshape(y, 4, (int64_t[]){N, H, W, C}));
	return replace_tensor(y, tensor_permute(y, 4, (int[]){0, 3, 1, 2}));
}

/* Returns branch1, or the half that passes unchanged. */
static Tensor *left_half(const struct block *k, const Tensor *x, const struct pass *pass)
{
	if (!k->halves)
		return tensor_narrow(x, 1, 0, tensor_size(x, 1) / 2);
	Tensor *y = conv_bn_act(&k->shortcut[0], x, NULL, LINEAR, pass);
	return replace_tensor(y, conv_bn_act(&k->shortcut[1], y, NULL, RELU, pass));
}

static Tensor *block_forward(const struct block *k, const Tensor *x, const struct pass *pass)
{
	int64_t half = tensor_size(x, 1) / 2;
	Tensor *left = left_half(k, x, pass),
	       *right = k->halves ? NULL : tensor_narrow(x, 1, half, half);
	Tensor *y =
	    replace_tensor(right, conv_bn_act(&k->branch[0], right ? right : x, NULL, RELU, pass));
	y = replace_tensor(y, conv_bn_act(&k->branch[1], y, NULL, LINEAR, pass));
	y = replace_tensor(y, conv_bn_act(&k->branch[2], y, NULL, RELU, pass));
	y = replace_tensor(left, replace_tensor(y, tensor_cat((Tensor *[]){left, y}, 2, 1)));
	return replace_tensor(y, shuffle(y));
}

static void *build(
    struct params *p, struct linear *fc, const struct arch_options *o, const int *channels)
{
	struct shufflenet *net = xcalloc(1, sizeof *net);
	int in = STEM;
	p->conv_start = CONV_TORCH;
	conv_bn_init(&net->first, p, "conv1.0", "conv1.1",
	    (struct conv_shape){.in = 3, .out = STEM, .kernel = 3, .stride = 2, .padding = 1});
	for (int s = 0; s < STAGES; s++)
		for (int i = 0; i < blocks[s]; i++) {
			block_init(&net->stage[s][i], p, s + 2, i, in, channels[s]);
			in = channels[s];
		}
	conv_bn_init(&net->last, p, "conv5.0", "conv5.1", pointwise(in, LAST));
	linear_init(fc, p, "fc", LAST, o->classes, BIAS_TORCH);
	return net;
}

static Tensor *features(void *net, const Tensor *x, const struct pass *pass)
{
	struct shufflenet *s = net;
	Tensor *y = conv_bn_relu_pool(&s->first, x, pass);
	for (int i = 0; i < STAGES; i++)
		for (int k = 0; k < blocks[i]; k++)
			y = replace_tensor(y, block_forward(&s->stage[i][k], y, pass));
	return replace_tensor(y, conv_bn_act(&s->last, y, NULL, RELU, pass));
}

static void *build_x0_5(struct params *p, struct linear *fc, const struct arch_options *o)
{
	static const int channels[STAGES] = {48, 96, 192};
	return build(p, fc, o, channels);
}

static void *build_x1_0(struct params *p, struct linear *fc, const struct arch_options *o)
{
	static const int channels[STAGES] = {116, 232, 464};
	return build(p, fc, o, channels);
}

const struct arch shufflenet_v2_x0_5 = {"shufflenet_v2_x0_5", LAST, build_x0_5, features};
const struct arch shufflenet_v2_x1_0 = {"shufflenet_v2_x1_0", LAST, build_x1_0, features};
