/* MobileNetV2 (Sandler et al. 2018) with torchvision's layers and names: "features.0" to
 * "features.18", classifier "classifier.1". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Returns torchvision's name of a module of timm's block in `stage`; NULL: unknown. */
static const char *block_module(int stage, const char *timm)
{
	static const struct {
		const char *timm, *first, *other;
	} modules[] = {{"conv_pw", "1", "0.0"}, {"bn1", "0.1", "0.1"}, {"conv_dw", "0.0", "1.0"},
	    {"bn2", "2", "1.1"}, {"conv_pwl", NULL, "2"}, {"bn3", NULL, "3"}};
	for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
		if (!strcmp(modules[i].timm, timm))
			return stage ? modules[i].other : modules[i].first;
	return NULL;
}

/* Renames parameters of timm's mobilenetv2_100: "conv_stem", "bn1", "blocks.STAGE.BLOCK.conv_dw"
 * ..., "conv_head", "bn2", "classifier". */
static void rename_timm(char name[ARCH_NAME_MAX])
{
	static const struct {
		const char *timm, *ours;
	} outside[] = {{"conv_stem.", "features.0.0."}, {"bn1.", "features.0.1."},
	    {"conv_head.", "features.18.0."}, {"bn2.", "features.18.1."},
	    {"classifier.weight", "classifier.1.weight"}, {"classifier.bias", "classifier.1.bias"}};
	char old[ARCH_NAME_MAX], module[16];
	int stage, block, at = 0, n = 0;
	strcpy(old, name);
	for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
		if (!strncmp(old, outside[i].timm, strlen(outside[i].timm)))
			snprintf(name, ARCH_NAME_MAX, "%s%s", outside[i].ours,
			    old + strlen(outside[i].timm));
	if (sscanf(old, "blocks.%1d.%1d.%15[a-z0-9_].%n", &stage, &block, module, &at) != 3 ||
	    !at || stage >= (int)(sizeof rows / sizeof *rows))
		return;
	const char *ours = block_module(stage, module);
	for (int s = 0; s < stage; s++)
		n += rows[s].repeats;
	if (ours)
		snprintf(
		    name, ARCH_NAME_MAX, "features.%d.conv.%s.%s", n + block + 1, ours, old + at);
}

const struct arch mobilenet_v2 = {"mobilenet_v2", LAST, build, features, .rename = rename_timm,
    .dropout = 0.2, .student_lr = 2.5e-3};
