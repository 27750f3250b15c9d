#include "lib/nn/layers.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

Tensor *params_find(const struct params *p, const char *name)
{
	for (int i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].name, name))
			return p->v[i].t;
	return NULL;
}

void params_require_grad(const struct params *p, bool on)
{
	for (int i = 0; i < p->n; i++)
		if (p->v[i].trained)
			tensor_requires_grad_(p->v[i].t, on);
}

void params_convert(const struct params *p, enum scalar type)
{
	for (int i = 0; i < p->n; i++)
		if (tensor_type(p->v[i].t) != T_I64)
			tensor_convert_(p->v[i].t, type);
}

static bool is_stem(const struct conv_shape *s)
{
	return s->in == 3 && s->stride == 2 && s->groups == 1 && s->kernel == 2 * s->padding + 1 &&
	       !s->bias;
}

static struct bn_params bn_params_of(const struct bn *b)
{
	return (struct bn_params){b->weight, b->bias, b->mean, b->var, b->eps, b->scale, b->shift};
}

static void thaw(const struct params *p)
{
	for (int i = 0; i < p->n_convs; i++) {
		tensor_free(p->convs[i]->frozen);
		tensor_free(p->convs[i]->adjoint);
	}
	for (int i = 0; i < p->n_bns; i++) {
		tensor_free(p->bns[i]->scale);
		tensor_free(p->bns[i]->shift);
	}
}

void params_freeze(struct params *p, enum scalar type)
{
	thaw(p);
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < p->n_convs; i++) {
		struct conv *c = p->convs[i];
		c->frozen = tensor_keep(tensor_clone(tensor_to(c->weight, type)));
		c->adjoint = is_stem(&c->shape)
		                 ? tensor_keep(tensor_stem_adjoint(c->frozen, c->shape.padding))
		                 : NULL;
	}
	for (int i = 0; i < p->n_bns; i++) {
		struct bn *b = p->bns[i];
		struct bn_params norm = bn_params_of(b);
		tensor_frozen_line(&norm, &b->scale, &b->shift);
		tensor_keep(b->scale);
		tensor_keep(b->shift);
	}
	tensor_scope_end();
}

void params_forget(struct params *p)
{
	for (int i = 0; i < p->n_keys; i++)
		free(p->keys[i]);
	free(p->keys);
	free(p->convs);
	free(p->bns);
	free(p->v);
	*p = (struct params){0};
}

void params_free(struct params *p)
{
	for (int i = 0; i < p->n; i++)
		tensor_free(p->v[i].t);
	thaw(p);
	params_forget(p);
}

const char *key(struct params *p, const char *fmt, ...)
{
	char *name;
	va_list args;
	va_start(args, fmt);
	if (vasprintf(&name, fmt, args) < 0)
		die("out of memory");
	va_end(args);
	p->keys = xrealloc(p->keys, (size_t)p->n_keys + 1, sizeof *p->keys);
	p->keys[p->n_keys++] = name;
	return name;
}

static Tensor *add(struct params *p, const char *layer, const char *name, bool trained, Tensor *t)
{
	p->v = xrealloc(p->v, (size_t)p->n + 1, sizeof *p->v);
	p->v[p->n++] = (struct param){key(p, "%s.%s", layer, name), t, trained};
	return t;
}

static int64_t product(int rank, const int64_t *shape)
{
	int64_t n = 1;
	for (int i = 0; i < rank; i++)
		n *= shape[i];
	return n;
}

/* Returns values that depend only on the seed and the parameter's name: normal with standard
 * deviation `scale`, or uniform in +-scale. */
static Tensor *random_tensor(const struct params *p, const char *layer, const char *what, int rank,
    const int64_t *shape, bool normal, double scale)
{
	char *name = xasprintf("%s.%s", layer, what);
	struct rng r = rng_at(p->seed, RNG_INIT, hash_bytes(name, strlen(name)), 0, normal);
	free(name);
	int64_t n = product(rank, shape);
	float *v = xcalloc((size_t)n, sizeof *v);
	for (int64_t i = 0; i < n && !p->bare; i++)
		v[i] = (float)(scale * (normal ? rng_normal(&r) : rng_between(&r, -1, 1)));
	Tensor *t = tensor_from(v, T_F32, rank, shape);
	free(v);
	return t;
}

void conv_init(struct conv *c, struct params *p, const char *name, struct conv_shape s)
{
	s.stride += !s.stride;
	s.groups += !s.groups;
	int64_t shape[] = {s.out, s.in / s.groups, s.kernel, s.kernel};
	double area = (double)s.kernel * s.kernel, fan_in = area * (double)shape[1],
	       fan_out = area * s.out;
	bool normal = p->conv_start != CONV_TORCH;
	double scale =
	    normal ? sqrt(2 / (p->conv_start == CONV_FAN_IN ? fan_in : fan_out)) : 1 / sqrt(fan_in);
	Tensor *w = random_tensor(p, name, "weight", 4, shape, normal, scale);
	*c = (struct conv){.shape = s, .index = p->n_convs};
	p->convs = xrealloc(p->convs, (size_t)p->n_convs + 1, sizeof(void *));
	p->convs[p->n_convs++] = c;
	c->weight =
	    add(p, name, "weight", true, s.planar ? w : replace_tensor(w, tensor_channels_last(w)));
	if (s.bias)
		c->bias = add(p, name, "bias", true,
		    random_tensor(p, name, "bias", 1, shape, false, 1 / sqrt(fan_in)));
}

Tensor *conv_forward(const struct conv *c, const Tensor *x, const struct pass *pass)
{
	if (pass->on_conv)
		pass->on_conv(pass->ctx, c, x);
	bool frozen = c->frozen && tensor_type(x) == tensor_type(c->frozen);
	if (frozen && c->adjoint && tensor_size(x, 2) % 2 == 0 && tensor_size(x, 3) % 2 == 0)
		return tensor_stem(x, c->frozen, c->adjoint, c->shape.padding);
	return tensor_conv2d(x, frozen ? c->frozen : c->weight, c->bias, c->shape.stride,
	    c->shape.padding, c->shape.groups);
}

void bn_init(struct bn *b, struct params *p, const char *name, int channels, double eps)
{
	int64_t shape[] = {channels};
	*b = (struct bn){.eps = eps, .index = p->n_bns};
	p->bns = xrealloc(p->bns, (size_t)p->n_bns + 1, sizeof(void *));
	p->bns[p->n_bns++] = b;
	b->weight = add(p, name, "weight", true, tensor_full(1, T_F32, 1, shape));
	b->bias = add(p, name, "bias", true, tensor_full(0, T_F32, 1, shape));
	b->mean = add(p, name, "running_mean", false, tensor_full(0, T_F32, 1, shape));
	b->var = add(p, name, "running_var", false, tensor_full(1, T_F32, 1, shape));
	b->count = add(p, name, "num_batches_tracked", false, tensor_full(0, T_I64, 0, NULL));
}

static int groups_of(const struct pass *pass)
{
	return pass->groups ? pass->groups : 1;
}

static void count(const struct bn *b, const struct pass *pass)
{
	if (pass->bn == BN_TRAIN)
		tensor_add_(b->count, tensor_full(1, T_I64, 0, NULL), 1);
}

Tensor *bn_forward(const struct bn *b, const Tensor *x, const struct pass *pass)
{
	Tensor *mean, *var;
	if (pass->on_bn) {
		tensor_batch_stats(x, groups_of(pass), &mean, &var);
		pass->on_bn(pass->ctx, b, mean, var);
	}
	if (pass->bn == BN_BATCH)
		return tensor_batch_norm(x, b->weight, b->bias, NULL, NULL, true, 0.1, b->eps);
	count(b, pass);
	return tensor_batch_norm(
	    x, b->weight, b->bias, b->mean, b->var, pass->bn == BN_TRAIN, 0.1, b->eps);
}

static Tensor *bn_fused(
    const struct bn *b, const Tensor *x, const struct bn_then *then, const struct pass *pass)
{
	struct bn_params norm = bn_params_of(b);
	count(b, pass);
	if (pass->bn != BN_RUNNING)
		return tensor_batch_bn(x, &norm, then, pass->bn == BN_TRAIN ? 0.1 : 0);
	if (!pass->on_bn)
		return tensor_frozen_bn(x, &norm, then, 1, NULL, NULL);
	Tensor *mean, *var, *y = tensor_frozen_bn(x, &norm, then, groups_of(pass), &mean, &var);
	pass->on_bn(pass->ctx, b, mean, var);
	return y;
}

static Tensor *bn_then(
    const struct bn *b, const Tensor *x, const struct bn_then *then, const struct pass *pass)
{
	bool reports = pass->on_bn && pass->bn != BN_RUNNING;
	if (!pass->plain && !reports && tensor_type(x) != T_F64)
		return bn_fused(b, x, then, pass);
	Tensor *y = bn_forward(b, x, pass);
	if (then->residual)
		y = tensor_add(y, then->residual);
	if (then->top > 0)
		y = isinf(then->top) ? tensor_relu(y) : tensor_relu6(y);
	return then->pools ? tensor_max_pool2d(y, 3, 2, 1) : y;
}

Tensor *bn_act(const struct bn *b, const Tensor *x, const Tensor *residual, enum activation act,
    const struct pass *pass)
{
	static const double top[] = {[LINEAR] = 0, [RELU] = INFINITY, [RELU6] = 6};
	return bn_then(b, x, &(struct bn_then){residual, top[act]}, pass);
}

void instance_norm_init(struct instance_norm *n, struct params *p, const char *name, int channels)
{
	n->weight = add(p, name, "weight", true, tensor_full(1, T_F32, 1, (int64_t[]){channels}));
	n->bias = add(p, name, "bias", true, tensor_full(0, T_F32, 1, (int64_t[]){channels}));
}

Tensor *instance_norm_forward(const struct instance_norm *n, const Tensor *x)
{
	return tensor_group_norm(x, (int)tensor_size(x, 1), n->weight, n->bias, 1e-5);
}

Tensor *replace_tensor(Tensor *x, Tensor *y)
{
	tensor_free(x);
	return y;
}

void conv_bn_init(
    struct conv_bn *u, struct params *p, const char *conv, const char *bn, struct conv_shape shape)
{
	conv_init(&u->conv, p, conv, shape);
	bn_init(&u->bn, p, bn, shape.out, 1e-5);
}

Tensor *conv_bn_act(const struct conv_bn *u, const Tensor *x, const Tensor *residual,
    enum activation act, const struct pass *pass)
{
	Tensor *y = conv_forward(&u->conv, x, pass);
	return replace_tensor(y, bn_act(&u->bn, y, residual, act, pass));
}

Tensor *conv_bn_relu_pool(const struct conv_bn *u, const Tensor *x, const struct pass *pass)
{
	Tensor *y = conv_forward(&u->conv, x, pass);
	return replace_tensor(
	    y, bn_then(&u->bn, y, &(struct bn_then){.top = INFINITY, .pools = true}, pass));
}

static void linear_weights(struct linear *l, struct params *p, const char *name, int in, int out,
    bool normal, double scale)
{
	l->weight = add(p, name, "weight", true,
	    random_tensor(p, name, "weight", 2, (int64_t[]){out, in}, normal, scale));
	l->bias = NULL;
}

void linear_init(
    struct linear *l, struct params *p, const char *name, int in, int out, enum linear_bias bias)
{
	const double bound = 1 / sqrt(in);
	const int64_t shape[] = {out};
	linear_weights(l, p, name, in, out, false, bound);
	if (bias != BIAS_NONE)
		l->bias = add(p, name, "bias", true,
		    bias == BIAS_ZERO ? tensor_full(0, T_F32, 1, shape)
		                      : random_tensor(p, name, "bias", 1, shape, false, bound));
}

void linear_init_normal(
    struct linear *l, struct params *p, const char *name, int in, int out, double deviation)
{
	linear_weights(l, p, name, in, out, true, deviation);
	l->bias = add(p, name, "bias", true, tensor_full(0, T_F32, 1, (int64_t[]){out}));
}

Tensor *linear_forward(const struct linear *l, const Tensor *x)
{
	return tensor_linear(tensor_to(x, tensor_type(l->weight)), l->weight, l->bias);
}

Tensor *dropout_mask(int64_t rows, int64_t columns, double rate, struct rng *r)
{
	int64_t n = rows * columns;
	float *keep = xcalloc((size_t)n + 1, sizeof *keep);
	for (int64_t i = 0; i < n; i++)
		keep[i] = rng_uniform(r) < rate ? 0 : (float)(1 / (1 - rate));
	Tensor *t = tensor_from(keep, T_F32, 2, (int64_t[]){rows, columns});
	free(keep);
	return t;
}

Tensor *buffer_init(struct params *p, const char *name, int64_t rows, int64_t columns)
{
	const char *dot = strrchr(name, '.');
	return add(p, key(p, "%.*s", (int)(dot - name), name), dot + 1, false,
	    tensor_full(0, T_F32, 2, (int64_t[]){rows, columns}));
}
