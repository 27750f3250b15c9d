#include "lib/fd2/match/learned.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"

static const double momentum_of_labels = 0.9, momentum_of_step = 0.5;

static Tensor *photographs(struct real *r, int ipc)
{
	Tensor **parts = xcalloc((size_t)ipc, sizeof *parts);
	int n = 0;
	for (int i = 0; i < ipc; i += r->part.cap)
		parts[n++] = real_part(r, i);
	Tensor *all = tensor_cat(parts, n, 0);
	free(parts);
	return all;
}

static Tensor *noise(int k, int ipc, int size, uint64_t seed)
{
	size_t one = 3 * (size_t)size * size;
	float *v = xcalloc((size_t)ipc, one * sizeof *v);
	for (int i = 0; i < ipc; i++) {
		struct rng r = rng_at(seed, RNG_PATCH, (uint64_t)k, (uint32_t)i + 1, 0);
		for (size_t j = 0; j < one; j++)
			v[i * one + j] = (float)rng_normal(&r);
	}
	Tensor *t = images_from(v, ipc, size, T_F32);
	free(v);
	return t;
}

static void add(struct moved *m, const char *name, const Tensor *t)
{
	tensor_scope_begin(NO_GRAD);
	Tensor *own = tensor_keep_always(tensor_clone(t));
	tensor_scope_end();
	m->params.v[m->params.n++] = (struct param){name, own, true};
}

static int start_class(struct learned *l, const struct match_config *config, int k, struct real *r,
    const uint32_t *chosen)
{
	struct moved *images = &l->kinds[LEARNED_IMAGES];
	uint64_t seed = (uint64_t)config->seed;
	bool real = config->start == MATCH_REAL;
	if (real && real_check(r, k, l->ipc) < 0)
		return -1;
	if (chosen)
		real_choose_these(r, chosen, l->ipc);
	else if (real)
		real_choose_first(r, k, l->ipc, seed);
	tensor_scope_begin(NO_GRAD);
	Tensor *x = real ? photographs(r, l->ipc) : noise(k, l->ipc, l->size, seed);
	add(images, key(&images->params, "%d", k), tensor_channels_last(x));
	tensor_scope_end();
	return tensor_error() ? fail("cannot start class %d: %s", k, tensor_error()) : 0;
}

static void begin(struct learned *l, enum learned_kind kind, int n, double momentum)
{
	l->kinds[kind].params.v = xcalloc((size_t)n, sizeof(struct param));
	l->kinds[kind].optim = (struct optim){.kind = OPTIM_SGD, .momentum = momentum};
}

static void end(struct learned *l, enum learned_kind kind, const char *prefix)
{
	struct moved *m = &l->kinds[kind];
	struct trained *t = &l->trained[l->n_trained++];
	optim_init(&m->optim, &m->params);
	*t = (struct trained){.params = &m->params, .optim = &m->optim};
	snprintf(t->prefix, sizeof t->prefix, "%s", prefix);
}

/* Returns an intensity from 0 to 1 as a normalised pixel [1,3,1,1]. */
static Tensor *pixel(double intensity, const struct normal *normal)
{
	float v[3];
	for (int c = 0; c < 3; c++)
		v[c] = (float)((intensity - normal->mean[c]) / normal->std[c]);
	return tensor_from(v, T_F32, 4, (int64_t[]){1, 3, 1, 1});
}

int learned_init(struct learned *l, const struct match_config *config, int first, int last,
    struct real *r, const uint32_t *chosen)
{
	*l = (struct learned){
	    .first = first, .n = last - first + 1, .ipc = (int)config->ipc, .size = r->size};
	begin(l, LEARNED_IMAGES, l->n, config->method.momentum);
	for (int k = first; k <= last; k++)
		if (start_class(
		        l, config, k, r, chosen ? chosen + (size_t)(k - first) * l->ipc : NULL) < 0)
			return -1;
	end(l, LEARNED_IMAGES, "");
	l->darkest = pixel(0, &r->normal);
	l->lightest = pixel(1, &r->normal);
	return 0;
}

void learned_add_labels(struct learned *l, Tensor *const *logits, double step_size)
{
	struct moved *labels = &l->kinds[LEARNED_LABELS], *step = &l->kinds[LEARNED_STEP];
	begin(l, LEARNED_LABELS, l->n, momentum_of_labels);
	for (int i = 0; i < l->n; i++)
		add(labels, key(&labels->params, "%d", l->first + i), logits[i]);
	end(l, LEARNED_LABELS, "labels.");
	begin(l, LEARNED_STEP, 1, momentum_of_step);
	add(step, "size", tensor_full(step_size, T_F32, 1, (int64_t[]){1}));
	end(l, LEARNED_STEP, "step.");
}

void learned_free(struct learned *l)
{
	for (int i = 0; i < LEARNED_KINDS; i++) {
		optim_free(&l->kinds[i].optim);
		params_free(&l->kinds[i].params);
	}
	tensor_free(l->darkest);
	tensor_free(l->lightest);
}

bool learned_has_labels(const struct learned *l)
{
	return l->kinds[LEARNED_LABELS].params.n > 0;
}

Tensor *learned_of(const struct learned *l, enum learned_kind kind, int k)
{
	return l->kinds[kind].params.v[k - l->first].t;
}

double learned_step_size(const struct learned *l)
{
	return tensor_item(l->kinds[LEARNED_STEP].params.v[0].t);
}

int learned_count(const struct learned *l)
{
	return l->n * l->ipc;
}

int learned_class(const struct learned *l, uint32_t number)
{
	return l->first + (int)number / l->ipc;
}

Tensor *learned_some(
    const struct learned *l, enum learned_kind kind, const uint32_t *numbers, int n)
{
	Tensor **some = xcalloc((size_t)n, sizeof *some);
	for (int i = 0; i < n; i++) {
		const Tensor *of_class = learned_of(l, kind, learned_class(l, numbers[i]));
		some[i] =
		    tensor_narrow(tensor_detach(of_class), 0, numbers[i] % (uint32_t)l->ipc, 1);
	}
	Tensor *all = tensor_cat(some, n, 0);
	free(some);
	return all;
}

void learned_set_gradient(struct learned *l, int k, Tensor *gradient)
{
	l->kinds[LEARNED_IMAGES].optim.grad[k - l->first] = tensor_keep_always(gradient);
}

void learned_clear_gradients(struct learned *l)
{
	tensor_scope_begin(NO_GRAD);
	for (int kind = 0; kind < LEARNED_KINDS; kind++) {
		struct optim *o = &l->kinds[kind].optim;
		for (int i = 0; i < o->n; i++)
			o->grad[i] = replace_tensor(
			    o->grad[i], tensor_keep_always(tensor_full_like(o->param[i], 0)));
	}
	tensor_scope_end();
}

void learned_add_gradient(struct learned *l, enum learned_kind kind, const uint32_t *numbers, int n,
    const Tensor *gradient, double scale)
{
	Tensor *const *sums = l->kinds[kind].optim.grad;
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < n; i++) {
		Tensor *sum = sums[learned_class(l, numbers[i]) - l->first];
		tensor_add_(tensor_narrow(sum, 0, numbers[i] % (uint32_t)l->ipc, 1),
		    tensor_narrow(gradient, 0, i, 1), scale);
	}
	tensor_scope_end();
}

void learned_add_to_step_gradient(struct learned *l, double by)
{
	tensor_scope_begin(NO_GRAD);
	Tensor *sum = l->kinds[LEARNED_STEP].optim.grad[0];
	tensor_add_(sum, tensor_full_like(sum, by), 1);
	tensor_scope_end();
}

bool learned_gradients_finite(const struct learned *l)
{
	double sum = 0;
	tensor_scope_begin(NO_GRAD);
	for (int kind = 0; kind < LEARNED_KINDS; kind++) {
		const struct optim *o = &l->kinds[kind].optim;
		for (int i = 0; i < o->n; i++)
			sum += tensor_item(tensor_sum(tensor_abs(o->grad[i]), 0, NULL, false));
	}
	tensor_scope_end();
	return isfinite(sum);
}

void learned_step(struct learned *l, enum learned_kind kind, double lr)
{
	struct optim *o = &l->kinds[kind].optim;
	optim_next(o, lr);
	optim_update(o);
	tensor_scope_begin(NO_GRAD);
	if (kind == LEARNED_IMAGES)
		for (int i = 0; i < o->n; i++)
			tensor_clamp_(o->param[i], l->darkest, l->lightest);
	tensor_scope_end();
}
