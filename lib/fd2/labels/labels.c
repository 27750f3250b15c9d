#include "lib/fd2/labels/labels.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"

static void make_room(struct epoch *e, int rows, int batches)
{
	size_t n = (size_t)rows;
	e->starts = xcalloc((size_t)batches + 1, sizeof *e->starts);
	e->ids = xcalloc(n, sizeof *e->ids);
	e->boxes = xcalloc(n, 4 * sizeof *e->boxes);
	e->with = xcalloc(n, sizeof *e->with);
	e->flips = xcalloc(n, sizeof *e->flips);
	e->quarters = xcalloc(n, 4 * sizeof *e->quarters);
	e->logits = xcalloc(n * (size_t)e->classes, sizeof *e->logits);
	e->lambda = xcalloc((size_t)batches, sizeof *e->lambda);
	e->mix = xcalloc((size_t)batches, 4 * sizeof *e->mix);
}

void epoch_lay_out(struct epoch *e, int rows)
{
	e->n = rows;
	e->batches = (rows + e->batch - 1) / e->batch;
	for (int i = 0; i <= e->batches; i++)
		e->starts[i] = i * e->batch < rows ? i * e->batch : rows;
}

void epoch_init(struct epoch *e, int images, int batch, int classes, const struct views *views)
{
	*e = (struct epoch){.views = *views, .images = images, .batch = batch, .classes = classes};
	int batches = epoch_whole_batches(e);
	make_room(e, batches * batch, batches);
	epoch_lay_out(e, images);
}

struct epoch epoch_copy(const struct epoch *e)
{
	struct epoch copy = {
	    .views = e->views, .images = e->images, .batch = e->batch, .classes = e->classes};
	make_room(&copy, e->n, e->batches);
	for (int i = 0; i < e->batches; i++)
		epoch_append(&copy, e, i);
	return copy;
}

void epoch_free(struct epoch *e)
{
	free(e->starts);
	free(e->ids);
	free(e->boxes);
	free(e->with);
	free(e->mix);
	free(e->flips);
	free(e->quarters);
	free(e->lambda);
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
	memcpy(e->ids + b, from->ids + a, n * sizeof *e->ids);
	memcpy(e->boxes + 4 * b, from->boxes + 4 * a, 4 * n * sizeof *e->boxes);
	memcpy(e->with + b, from->with + a, n * sizeof *e->with);
	memcpy(e->flips + b, from->flips + a, n * sizeof *e->flips);
	memcpy(e->quarters + 4 * b, from->quarters + 4 * a, 4 * n * sizeof *e->quarters);
	memcpy(e->logits + b * K, from->logits + a * K, n * K * sizeof *e->logits);
	e->lambda[e->batches] = from->lambda[i];
	memcpy(e->mix + 4 * e->batches, from->mix + 4 * i, 4 * sizeof *e->mix);
	e->starts[e->batches++] = e->n;
	e->n += (int)n;
	e->starts[e->batches] = e->n;
}

static void draw_order(struct epoch *e, uint64_t seed, long number)
{
	struct rng r = rng_at(seed, RNG_SHUFFLE, (uint64_t)number, 0, 0);
	uint32_t *order = xcalloc((size_t)e->n, sizeof *order);
	for (int i = 0; i < e->n; i++)
		order[i] = (uint32_t)i;
	rng_shuffle(&r, order, (uint32_t)e->n);
	for (int i = 0; i < e->n; i++)
		e->ids[i] = (int32_t)order[i];
	free(order);
}

static void draw_mixes(struct epoch *e, int size, uint64_t seed, long number)
{
	uint32_t *with = xcalloc((size_t)e->batch, sizeof *with);
	for (int i = 0; i < e->batches; i++) {
		int n = epoch_size(e, i);
		struct mix m = mix_random(e->views.mix, with, n, size, seed, number, i);
		e->lambda[i] = m.lambda;
		memcpy(e->mix + 4 * i, (int32_t[]){m.x0, m.y0, m.x1, m.y1}, 4 * sizeof *e->mix);
		for (int k = 0; k < n; k++)
			e->with[e->starts[i] + k] = (int32_t)with[k];
	}
	free(with);
}

void epoch_draw(struct epoch *e, const struct dataset *d, int size, double min_scale, uint64_t seed,
    long number)
{
	struct augment augment = {
	    .crop = CROP_RESIZED, .min_scale = min_scale, .shuffle = e->views.shuffled};
	epoch_lay_out(e, e->images);
	if (e->order)
		memcpy(e->ids, e->order, (size_t)e->n * sizeof *e->ids);
	else
		draw_order(e, seed, number);
	for (int i = 0; i < e->n; i++) {
		struct view v =
		    view_random(&d->v[e->ids[i]].image, size, &augment, seed, number, e->ids[i]);
		memcpy(e->boxes + 4 * i, (int32_t[]){v.box.x, v.box.y, v.box.w, v.box.h},
		    4 * sizeof *e->boxes);
		e->flips[i] = v.flip;
		memcpy(e->quarters + 4 * i, v.quarters, sizeof v.quarters);
	}
	draw_mixes(e, size, seed, number);
}

int epoch_render(const struct epoch *e, int i, struct batch *b, const struct dataset *d,
    const struct normal *normal)
{
	int n = epoch_size(e, i), first = e->starts[i];
	uint32_t *with = xcalloc((size_t)n, sizeof *with);
	batch_clear(b);
	for (int k = 0; k < n; k++) {
		const int32_t *box = e->boxes + 4 * (first + k);
		struct view v = {.box = {box[0], box[1], box[2], box[3]},
		    .flip = e->flips[first + k],
		    .shuffled = e->views.shuffled};
		memcpy(v.quarters, e->quarters + 4 * (first + k), sizeof v.quarters);
		batch_add(b, &d->v[e->ids[first + k]], &v);
		with[k] = (uint32_t)e->with[first + k];
	}
	const int32_t *m = e->mix + 4 * i;
	batch_mix(b, &(struct mix){e->views.mix, e->lambda[i], m[0], m[1], m[2], m[3]}, with);
	batch_render(b, normal);
	free(with);
	return n;
}
