/* MobileNetV2 (Sandler et al. 2018) with torchvision's layers and names: "features.0" to
 * "features.18", classifier "classifier.1". */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/nn/backbone.h"

enum { BLOCKS = 17, LAST = 1280 };

/* Inverted residual: widen 1x1 (not in the first block), depthwise 3x3, narrow 1x1 without
 * activation. */
struct block {
	bool widens, adds;
	struct conv_bn widen, depthwise, narrow;
};

struct mobilenet {
	struct conv_bn first, last;
	struct block block[BLOCKS];
};

static const struct {
	int expansion, out, repeats, stride;
} rows[] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1},
    {6, 160, 3, 2}, {6, 320, 1, 1}};

static void block_init(
    struct block *k, struct params *p, int index, int in, int out, int expansion, int stride)
{
	int width = in * expansion, i = 0;
	k->widens = expansion != 1;
	k->adds = stride == 1 && in == out;
	if (k->widens) {
		conv_bn_init(&k->widen, p, key(p, "features.%d.conv.%d.0", index, i),
		    key(p, "features.%d.conv.%d.1", index, i),
		    (struct conv_shape){.in = in, .out = width, .kernel = 1});
		i++;
	}
	conv_bn_init(&k->depthwise, p, key(p, "features.%d.conv.%d.0", index, i),
	    key(p, "features.%d.conv.%d.1", index, i),
	    (struct conv_shape){.in = width,
	        .out = width,
	        .kernel = 3,
	        .stride = stride,
	        .padding = 1,
	        .groups = width});
	conv_bn_init(&k->narrow, p, key(p, "features.%d.conv.%d", index, i + 1),
	    key(p, "features.%d.conv.%d", index, i + 2),
	    (struct conv_shape){.in = width, .out = out, .kernel = 1});
}

static Tensor *block_forward(const struct block *k, const Tensor *x, const struct pass *pass)
{
	Tensor *wide = k->widens ? conv_bn_act(&k->widen, x, NULL, RELU6, pass) : NULL;
	Tensor *y =
	    replace_tensor(wide, conv_bn_act(&k->depthwise, wide ? wide : x, NULL, RELU6, pass));
	return replace_tensor(y, conv_bn_act(&k->narrow, y, k->adds ? x : NULL, LINEAR, pass));
}

static void *build(struct params *p, struct linear *classifier, const struct arch_options *o)
{
	struct mobilenet *net = xcalloc(1, sizeof *net);
	int in = 32, n = 0;
	p->conv_start = CONV_FAN_OUT;
	conv_bn_init(&net->first, p, "features.0.0", "features.0.1",
	    (struct conv_shape){.in = 3, .out = in, .kernel = 3, .stride = 2, .padding = 1});
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
		for (int i = 0; i < rows[r].repeats; i++) {
			block_init(&net->block[n], p, n + 1, in, rows[r].out, rows[r].expansion,
			    i ? 1 : rows[r].stride);
			in = rows[r].out;
			n++;
		}
	conv_bn_init(&net->last, p, "features.18.0", "features.18.1",
	    (struct conv_shape){.in = in, .out = LAST, .kernel = 1});
	linear_init_normal(classifier, p, "classifier.1", LAST, o->classes, 0.01);
	return net;
}

static Tensor *features(void *net, const Tensor *x, const struct pass *pass)
{
	struct mobilenet *m = net;
	Tensor *y = conv_bn_act(&m->first, x, NULL, RELU6, pass);
	for (int i = 0; i < BLOCKS; i++)
		y = replace_tensor(y, block_forward(&m->block[i], y, pass));
	return replace_tensor(y, conv_bn_act(&m->last, y, NULL, RELU6, pass));
}

const struct arch mobilenet_v2 = {
    "mobilenet_v2", LAST, build, features, .dropout = 0.2, .student_lr = 2.5e-3};
