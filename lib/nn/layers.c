#include "lib/nn/layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"

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

void params_free(struct params *p)
{
	for (int i = 0; i < p->n; i++) {
		tensor_free(p->v[i].t);
		free(p->v[i].name);
	}
	free(p->v);
	*p = (struct params){0};
}

static Tensor *add(struct params *p, const char *layer, const char *name, bool trained, Tensor *t)
{
	p->v = xrealloc(p->v, (size_t)p->n + 1, sizeof *p->v);
	p->v[p->n++] = (struct param){xasprintf("%s.%s", layer, name), t, trained};
	return t;
}

static int64_t product(int rank, const int64_t *shape)
{
	int64_t n = 1;
	for (int i = 0; i < rank; i++)
		n *= shape[i];
	return n;
}

/* Values are a function of the seed and the parameter's name. */
static Tensor *random_tensor(const struct params *p, const char *layer, int rank, const int64_t *shape, bool normal, double scale)
{
	char *key = xasprintf("%s.weight", layer);
	struct rng r = rng_at(p->seed, RNG_INIT, hash_bytes(key, strlen(key)), 0, normal);
	free(key);
	int64_t n = product(rank, shape);
	float *v = xcalloc((size_t)n, sizeof *v);
	for (int64_t i = 0; i < n && !p->bare; i++)
		v[i] = (float)(scale * (normal ? rng_normal(&r) : rng_between(&r, -1, 1)));
	Tensor *t = tensor_from(v, T_F32, rank, shape);
	free(v);
	return t;
}

void conv_init(struct conv *c, struct params *p, const char *name, int in, int out, int kernel, int stride, int padding)
{
	int64_t shape[] = {out, in, kernel, kernel};
	double fan_out = (double)out * kernel * kernel;
	Tensor *w = random_tensor(p, name, 4, shape, true, sqrt(2 / fan_out));
	Tensor *nhwc = tensor_channels_last(w);
	c->weight = add(p, name, "weight", true, nhwc);
	c->stride = stride;
	c->padding = padding;
}

Tensor *conv_forward(const struct conv *c, const Tensor *x)
{
	return tensor_conv2d(x, c->weight, NULL, c->stride, c->padding, 1);
}

void bn_init(struct bn *b, struct params *p, const char *name, int channels, double eps)
{
	int64_t shape[] = {channels};
	int index = 0;
	for (int i = 0; i < p->n; i++) {
		const char *dot = strrchr(p->v[i].name, '.');
		index += !strcmp(dot, ".running_mean");
	}
	b->weight = add(p, name, "weight", true, tensor_full(1, T_F32, 1, shape));
	b->bias = add(p, name, "bias", true, tensor_full(0, T_F32, 1, shape));
	b->mean = add(p, name, "running_mean", false, tensor_full(0, T_F32, 1, shape));
	b->var = add(p, name, "running_var", false, tensor_full(1, T_F32, 1, shape));
	b->count = add(p, name, "num_batches_tracked", false, tensor_full(0, T_I64, 0, NULL));
	b->eps = eps;
	b->index = index;
}

Tensor *bn_forward(const struct bn *b, const Tensor *x, const struct pass *pass)
{
	if (pass->on_bn)
		pass->on_bn(pass->ctx, b, x);
	if (pass->bn == BN_BATCH)
		return tensor_batch_norm(x, b->weight, b->bias, NULL, NULL, true, 0.1, b->eps);
	if (pass->bn == BN_TRAIN) {
		Tensor *one = tensor_full(1, T_I64, 0, NULL);
		tensor_add_(b->count, one, 1);
	}
	return tensor_batch_norm(x, b->weight, b->bias, b->mean, b->var, pass->bn == BN_TRAIN, 0.1, b->eps);
}

void linear_init(struct linear *l, struct params *p, const char *name, int in, int out, bool bias)
{
	double bound = 1 / sqrt(in);
	l->weight = add(p, name, "weight", true, random_tensor(p, name, 2, (int64_t[]){out, in}, false, bound));
	l->bias = NULL;
	if (!bias)
		return;
	char *key = xasprintf("%s.bias", name);
	l->bias = add(p, name, "bias", true, random_tensor(p, key, 1, (int64_t[]){out}, false, bound));
	free(key);
}

Tensor *linear_forward(const struct linear *l, const Tensor *x)
{
	return tensor_linear(tensor_to(x, tensor_type(l->weight)), l->weight, l->bias);
}

Tensor *buffer_init(struct params *p, const char *name, int64_t rows, int64_t columns)
{
	char *layer = xstrdup(name), *dot = strrchr(layer, '.');
	*dot = '\0';
	Tensor *t = add(p, layer, dot + 1, false, tensor_full(0, T_F32, 2, (int64_t[]){rows, columns}));
	free(layer);
	return t;
}
