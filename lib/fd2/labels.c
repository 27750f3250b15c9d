#include "lib/fd2/labels.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"

void epoch_init(struct epoch *e, int n, int batch, int classes)
{
	*e = (struct epoch){.n = n, .batch = batch, .batches = (n + batch - 1) / batch, .classes = classes};
	e->ids = xcalloc((size_t)n, sizeof *e->ids);
	e->boxes = xcalloc((size_t)n, 4 * sizeof *e->boxes);
	e->with = xcalloc((size_t)n, sizeof *e->with);
	e->mix = xcalloc((size_t)e->batches, 4 * sizeof *e->mix);
	e->flips = xcalloc((size_t)n, sizeof *e->flips);
	e->lambda = xcalloc((size_t)e->batches, sizeof *e->lambda);
	e->logits = xcalloc((size_t)n * classes, sizeof *e->logits);
}

void epoch_free(struct epoch *e)
{
	free(e->ids);
	free(e->boxes);
	free(e->with);
	free(e->mix);
	free(e->flips);
	free(e->lambda);
	free(e->logits);
	*e = (struct epoch){0};
}

static int batch_size(const struct epoch *e, int i)
{
	int rest = e->n - i * e->batch;
	return rest < e->batch ? rest : e->batch;
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

void epoch_draw(struct epoch *e, const struct dataset *d, int size, double min_scale, bool cutmix, uint64_t seed, long number)
{
	struct augment augment = {.crop = CROP_RESIZED, .min_scale = min_scale};
	draw_order(e, seed, number);
	for (int i = 0; i < e->n; i++) {
		struct view v = view_random(&d->v[e->ids[i]].image, size, &augment, seed, number, e->ids[i]);
		memcpy(e->boxes + 4 * i, (int32_t[]){v.box.x, v.box.y, v.box.w, v.box.h}, 4 * sizeof *e->boxes);
		e->flips[i] = v.flip;
	}
	uint32_t *with = xcalloc((size_t)e->batch, sizeof *with);
	for (int i = 0; i < e->batches; i++) {
		int n = batch_size(e, i);
		struct mix m = {.lambda = 1};
		for (int k = 0; k < n; k++)
			with[k] = (uint32_t)k;
		if (cutmix)
			m = mix_random(with, n, size, seed, number, i);
		e->lambda[i] = (float)m.lambda;
		memcpy(e->mix + 4 * i, (int32_t[]){m.x0, m.y0, m.x1, m.y1}, 4 * sizeof *e->mix);
		for (int k = 0; k < n; k++)
			e->with[i * e->batch + k] = (int32_t)with[k];
	}
	free(with);
}

int epoch_render(const struct epoch *e, int i, struct batch *b, const struct dataset *d, const struct normal *normal)
{
	int n = batch_size(e, i), first = i * e->batch;
	uint32_t *with = xcalloc((size_t)n, sizeof *with);
	batch_clear(b);
	for (int k = 0; k < n; k++) {
		const struct item *it = &d->v[e->ids[first + k]];
		const int32_t *box = e->boxes + 4 * (first + k);
		struct view v = {.box = {box[0], box[1], box[2], box[3]}, .flip = e->flips[first + k]};
		batch_add(b, it, &v);
		with[k] = (uint32_t)e->with[first + k];
	}
	batch_render(b, normal);
	const int32_t *m = e->mix + 4 * i;
	struct mix mix = {e->lambda[i], m[0], m[1], m[2], m[3]};
	mix_apply(b->pixels, n, b->size, &mix, with);
	free(with);
	return n;
}

/* --- the stream ----------------------------------------------------------------------------------------------------------------
 */

/* The parts of an epoch, in the order in which they are written. */
enum part { IDS, BOXES, FLIPS, WITH, LAMBDA, MIX, LOGITS, PARTS };

struct layout {
	const char *name;
	enum dtype type;
	int rank;
	int64_t shape[2];
	void *data;
};

static void layouts(const struct epoch *e, struct layout l[PARTS])
{
	l[IDS] = (struct layout){"ids", DT_I32, 1, {e->n}, e->ids};
	l[BOXES] = (struct layout){"boxes", DT_I32, 2, {e->n, 4}, e->boxes};
	l[FLIPS] = (struct layout){"flips", DT_BOOL, 1, {e->n}, e->flips};
	l[WITH] = (struct layout){"with", DT_I32, 1, {e->n}, e->with};
	l[LAMBDA] = (struct layout){"lambda", DT_F32, 1, {e->batches}, e->lambda};
	l[MIX] = (struct layout){"mix", DT_I32, 2, {e->batches, 4}, e->mix};
	l[LOGITS] = (struct layout){"logits", DT_F16, 2, {e->n, e->classes}, e->logits};
}

int epoch_write(const struct epoch *e, struct stream_writer *w, long number)
{
	struct layout l[PARTS];
	layouts(e, l);
	for (int i = 0; i < PARTS; i++) {
		char *name = xasprintf("%ld/%s", number, l[i].name);
		int ok = stream_put(w, name, l[i].type, l[i].rank, l[i].shape, l[i].data);
		free(name);
		if (ok < 0)
			return -1;
	}
	return stream_flush(w);
}

static int take(const struct layout *l, const struct array *a, long number)
{
	char *name = xasprintf("%ld/%s", number, l->name);
	int ok = 0;
	if (strcmp(name, a->name))
		ok = fail("the labels have tensor '%s' where '%s' is wanted", a->name, name);
	else if (a->dtype != l->type || a->rank != l->rank || a->shape[0] != l->shape[0] ||
	         (l->rank > 1 && a->shape[1] != l->shape[1]))
		ok = fail("tensor '%s' of the labels has another type or shape than this distilled set asks for", name);
	else
		memcpy(l->data, a->data, a->size);
	free(name);
	return ok;
}

static bool inside(const int32_t *box, int w, int h)
{
	return box[0] >= 0 && box[1] >= 0 && box[2] > 0 && box[3] > 0 && box[2] <= w - box[0] && box[3] <= h - box[1];
}

/* Labels may come from another program: nothing in them may reach outside the images. */
static int check(const struct epoch *e, const struct dataset *d, int size, long number)
{
	for (int i = 0; i < e->n; i++) {
		if (e->ids[i] < 0 || e->ids[i] >= d->n)
			return fail("epoch %ld of the labels names image %d of %d", number, e->ids[i], d->n);
		const struct image *im = &d->v[e->ids[i]].image;
		if (!inside(e->boxes + 4 * i, im->w, im->h))
			return fail("epoch %ld of the labels crops outside of image '%s'", number, d->v[e->ids[i]].key);
		if (e->with[i] < 0 || e->with[i] >= batch_size(e, i / e->batch))
			return fail("epoch %ld of the labels mixes with sample %d of its batch", number, e->with[i]);
	}
	for (int i = 0; i < e->batches; i++) {
		const int32_t *m = e->mix + 4 * i;
		if (m[0] < 0 || m[1] < 0 || m[2] > size || m[3] > size || m[2] < m[0] || m[3] < m[1])
			return fail("epoch %ld of the labels mixes outside of the image", number);
	}
	return 0;
}

int epoch_read(struct epoch *e, struct stream_reader *r, long number, const struct dataset *d, int size)
{
	struct layout l[PARTS];
	struct array a;
	layouts(e, l);
	for (int i = 0; i < PARTS; i++) {
		int got = stream_next(r, &a);
		if (got == 0 && i)
			return fail("the labels end in the middle of epoch %ld", number);
		if (got <= 0)
			return got;
		int ok = take(&l[i], &a, number);
		array_free(&a);
		if (ok < 0)
			return -1;
	}
	return check(e, d, size, number) < 0 ? -1 : 1;
}
