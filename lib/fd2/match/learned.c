#include "lib/fd2/match/learned.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"

static Tensor *photographs(struct real *r, int k, int ipc, uint64_t seed)
{
	Tensor **parts = xcalloc((size_t)ipc, sizeof *parts);
	int n = 0;
	real_choose_first(r, k, ipc, seed);
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

static int start_class(struct learned *l, const struct match_config *config, int k, struct real *r)
{
	uint64_t seed = (uint64_t)config->seed;
	bool real = config->start == MATCH_REAL;
	if (real && real_count(r, k) < l->ipc)
		return fail("class '%s' has %d images, but --ipc needs %d", r->set.classes[k],
		    real_count(r, k), l->ipc);
	tensor_scope_begin(NO_GRAD);
	Tensor *x = real ? photographs(r, k, l->ipc, seed) : noise(k, l->ipc, l->size, seed);
	x = tensor_keep(tensor_clone(tensor_channels_last(x)));
	tensor_scope_end();
	l->params.v[l->params.n++] = (struct param){key(&l->params, "%d", k), x, true};
	return x ? 0 : fail("cannot start class %d: %s", k, tensor_error());
}

/* An intensity from 0 to 1 as normalised pixels. */
static Tensor *pixel(double intensity, const struct normal *normal)
{
	float v[3];
	for (int c = 0; c < 3; c++)
		v[c] = (float)((intensity - normal->mean[c]) / normal->std[c]);
	return tensor_from(v, T_F32, 4, (int64_t[]){1, 3, 1, 1});
}

int learned_init(
    struct learned *l, const struct match_config *config, int first, int last, struct real *r)
{
	*l = (struct learned){.first = first,
	    .n = last - first + 1,
	    .ipc = (int)config->ipc,
	    .size = r->size,
	    .optim = {.kind = OPTIM_SGD, .momentum = config->method.momentum}};
	l->params.v = xcalloc((size_t)l->n, sizeof *l->params.v);
	for (int k = first; k <= last; k++)
		if (start_class(l, config, k, r) < 0)
			return -1;
	l->darkest = pixel(0, &r->normal);
	l->lightest = pixel(1, &r->normal);
	optim_init(&l->optim, &l->params);
	l->trained = (struct trained){.params = &l->params, .optim = &l->optim};
	return 0;
}

void learned_free(struct learned *l)
{
	optim_free(&l->optim);
	params_free(&l->params);
	tensor_free(l->darkest);
	tensor_free(l->lightest);
}

Tensor *learned_of(const struct learned *l, int k)
{
	return l->params.v[k - l->first].t;
}

void learned_set_gradient(struct learned *l, int k, Tensor *gradient)
{
	l->optim.grad[k - l->first] = tensor_keep_always(gradient);
}

void learned_step(struct learned *l, double lr)
{
	optim_next(&l->optim, lr);
	optim_update(&l->optim);
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < l->n; i++)
		tensor_clamp_(l->params.v[i].t, l->darkest, l->lightest);
	tensor_scope_end();
}

/* Image `id` of class k; without names of classes its number goes into the key, as in
 * webdataset. */
static int store(const struct learned *l, struct shard_writer *w, const struct real *r,
    const struct match_outputs *how, int k, int id)
{
	const char *class = r->set.numbered ? NULL : r->set.classes[k];
	struct encoded f;
	char name[32];
	tensor_scope_begin(NO_GRAD);
	Tensor *x = tensor_narrow(learned_of(l, k), 0, id - 1, 1);
	int err = finished_encode(&f, x, &r->normal, how->pixels, (int)how->quality);
	tensor_scope_end();
	snprintf(name, sizeof name, class ? "%04d" : "%d-%04d", class ? id : k, id);
	if (!err)
		err =
		    fd2_shard_add(w, class, name, k, f.jpeg, f.jpeg_size, f.npy, f.npy_size, NULL);
	finished_free(&f);
	return err;
}

int learned_store(const struct learned *l, struct shard_writer *w, const struct real *r,
    const struct match_outputs *how)
{
	int err = 0;
	for (int id = 1; id <= l->ipc && !err; id++)
		for (int k = l->first; k < l->first + l->n && !err; k++)
			err = store(l, w, r, how, k, id);
	return err;
}
