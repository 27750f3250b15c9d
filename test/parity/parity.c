/* fd2's side of `make parity`: reads what compare.py wrote, computes, and writes what compare.py
 * checks.
 *
 * parity archs                       the table of backbones: names and channels
 * parity net TEACHER INPUT OUTPUT    one pass in evaluation and one in training
 * parity bf16 TEACHER INPUT OUTPUT   a pass in evaluation as fd2-distill makes it: bf16, fused
 * parity resize INPUT OUTPUT         crops of one image, resized with and without antialiasing
 * parity jitter INPUT OUTPUT         one image, its colours changed and rotated
 * parity weights ARCH FROM TO        reads a state dict of any kind, writes safetensors
 * parity optim INPUT OUTPUT          20 steps of every optimiser
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/distill/layer-loss.h"
#include "lib/fd2/distill/bn-loss.h"
#include "lib/fd2/teacher/losses.h"
#include "lib/fd2/teacher/teacher.h"
#include "lib/image/jitter.h"
#include "lib/nn/optim.h"
#include "lib/nn/pretrained.h"
#include "lib/nn/weights.h"
#include "lib/torch/start.h"

enum { INPUTS_MAX = 256, STEPS = 20 };

struct inputs {
	char *name[INPUTS_MAX];
	Tensor *t[INPUTS_MAX];
	int n;
};

static void check(int ok)
{
	if (ok < 0 || tensor_error())
		die("%s", tensor_error() ? tensor_error() : fail_message());
}

static void inputs_read(struct inputs *in, const char *path)
{
	struct stream_reader *r = fd2_stream_open(path, "parity");
	struct array a;
	int got = r ? 0 : -1;
	while (r && (got = fd2_stream_next(r, &a)) > 0 && in->n < INPUTS_MAX) {
		in->name[in->n] = xstrdup(a.name);
		in->t[in->n++] = weights_tensor(&a);
		fd2_array_free(&a);
	}
	check(got);
	fd2_stream_close(r);
}

static Tensor *input(const struct inputs *in, const char *name)
{
	for (int i = 0; i < in->n; i++)
		if (!strcmp(in->name[i], name))
			return in->t[i];
	die("no input '%s'", name);
}

static struct stream_writer *create(const char *path)
{
	struct out *out = out_open(path, 0);
	struct stream_writer *w = out ? stream_create(out, "parity", NULL) : NULL;
	check(w ? 0 : -1);
	return w;
}

static void put(struct stream_writer *w, const char *name, const Tensor *t)
{
	check(weights_put_tensor(w, name, t));
}

struct seen {
	struct teacher_out o;
	Tensor *x, *r_bn, *r_conv, *cls;
	bool has_bn;
};

/* What G-VBSM's statistics of convolutions are away from 0, in this test. */
static Tensor *r_conv(const struct conv_statistics *s)
{
	Tensor *sum = tensor_full(0, T_F32, 0, NULL);
	for (int l = 0; l < s->n; l++)
		for (int i = 0; i < STATISTICS; i++)
			sum = tensor_add(sum,
			    tensor_sum(tensor_norm(s->v[l].seen[i], 1, false), 0, NULL, false));
	return sum;
}

struct reported {
	struct bn_statistics bn;
	struct conv_statistics conv;
};

static void report_bn(void *ctx, const struct bn *bn, Tensor *mean, Tensor *var)
{
	bn_statistics_add(&((struct reported *)ctx)->bn, bn, mean, var);
}

static void report_conv(void *ctx, const struct conv *conv, const Tensor *x)
{
	conv_statistics_add(&((struct reported *)ctx)->conv, conv, x, 1);
}

static struct seen look(const struct teacher *t, const struct inputs *in, bool bf16)
{
	struct reported of = {0};
	struct pass pass = {.bn = BN_RUNNING,
	    .plain = !bf16,
	    .on_bn = report_bn,
	    .on_conv = report_conv,
	    .ctx = &of};
	struct seen s = {.x = tensor_clone(input(in, "x"))};
	tensor_requires_grad_(s.x, true);
	s.o = teacher_forward(t, bf16 ? tensor_to(s.x, T_BF16) : s.x, &pass);
	of.bn.n--; /* the attention head's */
	of.conv.n--;
	s.has_bn = of.bn.n > 0;
	s.r_bn = loss_bn(&of.bn, BN_LITERAL);
	s.r_conv = r_conv(&of.conv);
	free(of.bn.v);
	free(of.conv.v);
	s.cls = loss_cls(s.o.p_bb, s.o.p_raw, input(in, "labels"), t->alpha);
	return s;
}

enum loss { R_BN, R_CONV, L_CLS, R_BN_AND_CLS, L_F, LOSSES };

/* A scope of its own, since it keeps what a pass made. */
static void gradient(const struct teacher *t, const struct inputs *in, struct stream_writer *w,
    bool bf16, enum loss which)
{
	static const char *const name[LOSSES] = {
	    "dx R_BN", "dx R_conv", "dx L_cls", "dx R_BN + L_cls", "dx L_F"};
	tensor_scope_begin(GRAD);
	struct seen s = look(t, in, bf16);
	const Tensor *loss[LOSSES] = {s.r_bn, s.r_conv, s.cls, tensor_add(s.r_bn, s.cls),
	    loss_F(s.o.z, t->cal.prototypes, input(in, "labels"), 0.5, 0)};
	Tensor *d;
	check(tensor_grad(loss[which], &s.x, 1, &d, false));
	put(w, name[which], d);
	tensor_scope_end();
}

static void evaluation(
    const struct teacher *t, const struct inputs *in, struct stream_writer *w, bool bf16)
{
	tensor_scope_begin(GRAD);
	struct seen s = look(t, in, bf16);
	put(w, "F", s.o.F);
	put(w, "A", s.o.A);
	put(w, "z", s.o.z);
	put(w, "p_bb", s.o.p_bb);
	put(w, "p_raw", s.o.p_raw);
	put(w, "p_eff", teacher_effect(t, &s.o, NULL));
	put(w, "R_BN", s.r_bn);
	put(w, "R_conv", s.r_conv);
	put(w, "L_cls", s.cls);
	tensor_scope_end();
	for (int i = s.has_bn ? R_BN : R_CONV; i < LOSSES; i++)
		gradient(t, in, w, bf16, (enum loss)i);
}

static void training(struct teacher *t, const struct inputs *in, struct stream_writer *w)
{
	struct pass pass = {.bn = BN_TRAIN};
	struct optim optim = {.kind = OPTIM_SGD};
	Tensor *labels = input(in, "labels");
	int64_t y[64];
	optim_init(&optim, &t->backbone.params);
	tensor_scope_begin(GRAD);
	struct teacher_out o = teacher_forward(t, input(in, "x"), &pass);
	Tensor *p_eff = teacher_effect(t, &o, input(in, "counterfactual"));
	Tensor *center = loss_center(o.z, t->cal.prototypes, labels);
	Tensor *loss = loss_pre(
	    o.p_bb, loss_cal(o.p_raw, p_eff, labels, center, 1, 0.1), labels, t->alpha, 0.1);
	put(w, "L_pre", loss);
	check(optim_backward(&optim, loss));
	check(tensor_read(labels, T_I64, y, tensor_numel(labels)));
	prototypes_update(t->cal.prototypes, tensor_detach(o.z), y, 0.05);
	for (int i = 0; i < optim.n; i++) {
		char *name = xasprintf("grad %s", optim.name[i]);
		put(w, name, optim.grad[i]);
		free(name);
	}
	tensor_scope_end();
	check(weights_put(w, "after ", &t->backbone.params));
	optim_free(&optim);
}

static void net(char **path, bool bf16)
{
	struct teacher t;
	struct inputs in = {.n = 0};
	check(teacher_read(&t, path[0]));
	inputs_read(&in, path[1]);
	if (bf16)
		params_freeze(&t.backbone.params, T_BF16);
	if (tensor_type(input(&in, "x")) == T_F64)
		params_convert(&t.backbone.params, T_F64);
	struct stream_writer *w = create(path[2]);
	evaluation(&t, &in, w, bf16);
	if (!bf16)
		training(&t, &in, w);
	check(fd2_stream_finish(w));
	teacher_free(&t);
}

static void weights(char **argument)
{
	struct arch_options options = {.classes = 10, .size = 96, .last_stride = 2, .bare = true};
	struct backbone b;
	struct pretrained from = {.classes = NULL};
	json_t *meta = json_pack("{s:s}", "arch", argument[0]);
	check(backbone_init(&b, argument[0], &options, 0));
	check(pretrained_read(&b, argument[1], &from));
	check(pretrained_write(&b.params, out_open(argument[2], 0), meta));
	json_decref(meta);
	backbone_free(&b);
}

enum { SIDE = 37 };

/* boxes [n][6]: x, y, w, h, side of the result, antialias */
static void resize(char **path)
{
	struct inputs in = {.n = 0};
	inputs_read(&in, path[0]);
	const Tensor *t = input(&in, "rgb"), *boxes = input(&in, "boxes");
	struct image im = image_new((int)tensor_size(t, 1), (int)tensor_size(t, 0)), out;
	int64_t n = tensor_size(boxes, 0), b[6 * 64];
	check(tensor_read(t, T_U8, im.rgb, 3 * (int64_t)im.w * im.h));
	check(tensor_read(boxes, T_I64, b, 6 * n));
	struct stream_writer *w = create(path[1]);
	for (int64_t i = 0; i < n; i++) {
		const int64_t *k = b + 6 * i;
		char name[16];
		image_resample(&out, &im, (double)k[0], (double)k[1], (double)k[2], (double)k[3],
		    (int)k[4], (int)k[4], (int)k[5]);
		snprintf(name, sizeof name, "%d", (int)i);
		check(fd2_stream_put(w, name, DT_U8, 3, (int64_t[]){k[4], k[4], 3}, out.rgb));
		image_free(&out);
	}
	check(fd2_stream_finish(w));
	image_free(&im);
}

static void jitter(char **path)
{
	struct inputs in = {.n = 0};
	static float rgb[3 * SIDE * SIDE];
	double order[JITTERS];
	struct jitter j = {.n = JITTERS};
	inputs_read(&in, path[0]);
	check(tensor_read(input(&in, "rgb"), T_F32, rgb, 3 * SIDE * SIDE));
	check(tensor_read(input(&in, "value"), T_F32, j.value, JITTERS));
	check(tensor_read(input(&in, "order"), T_F64, order, JITTERS));
	for (int k = 0; k < JITTERS; k++)
		j.order[k] = (uint8_t)order[k];
	j.angle = tensor_item(input(&in, "angle"));
	jitter_apply(rgb, SIDE, &j);
	struct stream_writer *w = create(path[1]);
	put(w, "rgb", tensor_from(rgb, T_F32, 3, (int64_t[]){SIDE, SIDE, 3}));
	check(fd2_stream_finish(w));
}

static const struct {
	const char *name;
	struct optim settings;
	double lr;
} cases[] = {
    {"SGD", {.kind = OPTIM_SGD, .momentum = 0.9, .weight_decay = 1e-2}, 0.05},
    {"SGD nesterov",
        {.kind = OPTIM_SGD,
            .momentum = 0.9,
            .weight_decay = 1e-2,
            .nesterov = true,
            .decay_all = true},
        0.05},
    {"SGD clip slow",
        {.kind = OPTIM_SGD,
            .momentum = 0.9,
            .nesterov = true,
            .clip = 1,
            .slow = "conv",
            .slow_share = 0.1},
        0.05},
    {"AdamW", {.kind = OPTIM_ADAMW, .weight_decay = 0.1}, 0.01},
    {"AdamW decay all", {.kind = OPTIM_ADAMW, .weight_decay = 0.1, .decay_all = true}, 0.01},
};

/* sum over parameters of p.g + p.p/2 */
static Tensor *pull(const struct params *p, const struct inputs *in, int step)
{
	Tensor *loss = tensor_full(0, T_F32, 0, NULL);
	for (int i = 0; i < p->n; i++) {
		char *name = xasprintf("%d %s", step, p->v[i].name);
		const Tensor *t = p->v[i].t,
		             *slope = tensor_add(input(in, name), tensor_affine(t, 0.5, 0));
		loss = tensor_add(loss, tensor_sum(tensor_mul(t, slope), 0, NULL, false));
		free(name);
	}
	return loss;
}

static void optimise(const struct inputs *in, struct stream_writer *w, int k)
{
	struct params p = {.bare = true};
	struct conv conv;
	struct linear fc;
	struct optim optim = cases[k].settings;
	conv_init(
	    &conv, &p, "conv", (struct conv_shape){.in = 3, .out = 4, .kernel = 3, .padding = 1});
	linear_init(&fc, &p, "fc", 5, 7, BIAS_TORCH);
	for (int i = 0; i < p.n; i++)
		tensor_copy_(p.v[i].t, input(in, p.v[i].name));
	optim_init(&optim, &p);
	for (int step = 0; step < STEPS; step++) {
		tensor_scope_begin(GRAD);
		check(optim_backward(&optim, pull(&p, in, step)));
		optim_next(&optim, lr_cosine(cases[k].lr, step + 1, STEPS, 3, 2));
		optim_update(&optim);
		tensor_scope_end();
	}
	char *prefix = xasprintf("%s: ", cases[k].name);
	check(weights_put(w, prefix, &p));
	free(prefix);
	optim_free(&optim);
	params_free(&p);
}

int main(int argc, char **argv)
{
	prog_name = "parity";
	check(torch_start("cpu", 0));
	if (argc == 2 && !strcmp(argv[1], "archs")) {
		for (int i = 0; i < ARCHS; i++)
			printf("%s %d\n", arch_at((enum arch_place)i)->name,
			    arch_at((enum arch_place)i)->channels);
	} else if (argc == 5 && !strcmp(argv[1], "net")) {
		net(argv + 2, false);
	} else if (argc == 5 && !strcmp(argv[1], "bf16")) {
		net(argv + 2, true);
	} else if (argc == 4 && !strcmp(argv[1], "resize")) {
		resize(argv + 2);
	} else if (argc == 4 && !strcmp(argv[1], "jitter")) {
		jitter(argv + 2);
	} else if (argc == 5 && !strcmp(argv[1], "weights")) {
		weights(argv + 2);
	} else if (argc == 4 && !strcmp(argv[1], "optim")) {
		struct inputs in = {.n = 0};
		inputs_read(&in, argv[2]);
		struct stream_writer *w = create(argv[3]);
		for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
			optimise(&in, w, (int)k);
		check(fd2_stream_finish(w));
	} else {
		die_usage("see the head of parity.c");
	}
	return 0;
}
