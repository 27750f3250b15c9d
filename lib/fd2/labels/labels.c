#include "lib/fd2/labels/labels.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"

static void allocate(struct epoch *e, int n, int batches)
{
	e->starts = xcalloc((size_t)batches + 1, sizeof *e->starts);
	e->views = xcalloc((size_t)n, sizeof *e->views);
	e->mixes = xcalloc((size_t)batches, sizeof *e->mixes);
	e->logits = xcalloc((size_t)n * (size_t)e->classes, sizeof *e->logits);
}

void epoch_lay_out(struct epoch *e, int n)
{
	e->n = n;
	e->batches = (n + e->batch - 1) / e->batch;
	for (int i = 0; i <= e->batches; i++)
		e->starts[i] = i * e->batch < n ? i * e->batch : n;
}

void epoch_init(
    struct epoch *e, int images, int batch, int classes, const struct view_options *options)
{
	*e = (struct epoch){
	    .options = *options, .images = images, .batch = batch, .classes = classes};
	int batches = epoch_whole_batches(e);
	allocate(e, batches * batch, batches);
	epoch_lay_out(e, images);
}

struct epoch epoch_copy(const struct epoch *e)
{
	struct epoch copy = {
	    .options = e->options, .images = e->images, .batch = e->batch, .classes = e->classes};
	allocate(&copy, e->n, e->batches);
	for (int i = 0; i < e->batches; i++)
		epoch_append(&copy, e, i);
	return copy;
}

void epoch_free(struct epoch *e)
{
	free(e->starts);
	free(e->views);
	free(e->mixes);
	free(e->logits);
	*e = (struct epoch){0};
}

int epoch_size(const struct epoch *e, int i)
{
	return e->starts[i + 1] - e->starts[i];
}

int epoch_whole_batches(const struct epoch *e)
{
	return (e->images + e->batch - 1) / e->batch;
}

void epoch_clear(struct epoch *e)
{
	e->n = e->batches = 0;
}

void epoch_append(struct epoch *e, const struct epoch *from, int i)
{
	size_t n = (size_t)epoch_size(from, i), a = (size_t)from->starts[i], b = (size_t)e->n,
	       K = (size_t)e->classes;
	memcpy(e->views + b, from->views + a, n * sizeof *e->views);
	memcpy(e->logits + b * K, from->logits + a * K, n * K * sizeof *e->logits);
	e->mixes[e->batches] = from->mixes[i];
	e->starts[e->batches++] = e->n;
	e->n += (int)n;
	e->starts[e->batches] = e->n;
}

/* Returns a random order of n images; the caller frees it. */
static int32_t *draw_order(int n, uint64_t seed, long number)
{
	struct rng r = rng_at(seed, RNG_SHUFFLE, (uint64_t)number, 0, 0);
	uint32_t *drawn = xcalloc((size_t)n, sizeof *drawn);
	int32_t *order = xcalloc((size_t)n, sizeof *order);
	rng_order(&r, drawn, (uint32_t)n);
	for (int i = 0; i < n; i++)
		order[i] = (int32_t)drawn[i];
	free(drawn);
	return order;
}

void epoch_draw(struct epoch *e, const struct dataset *d, const struct view_draw *how,
    const int32_t *order, long number)
{
	struct augment augment = {
	    .crop = CROP_RESIZED, .min_scale = how->min_scale, .shuffle = e->options.shuffled};
	int32_t *own = order ? NULL : draw_order(e->images, how->seed, number);
	epoch_lay_out(e, e->images);
	for (int i = 0; i < e->n; i++) {
		int32_t image = order ? order[i] : own[i];
		e->views[i] =
		    view_random(&d->v[image].image, how->size, &augment, how->seed, number, image);
	}
	for (int i = 0; i < e->batches; i++)
		e->mixes[i] = mix_random(e->options.mix, e->views + e->starts[i], epoch_size(e, i),
		    how->size, how->seed, number, i);
	free(own);
}

int epoch_render(const struct epoch *e, int i, struct batch *b, const struct dataset *d,
    const struct normal *normal)
{
	batch_clear(b);
	for (int k = e->starts[i]; k < e->starts[i + 1]; k++)
		batch_add(b, d->v, &e->views[k]);
	batch_mix(b, &e->mixes[i]);
	batch_render(b, normal);
	return b->n;
}
