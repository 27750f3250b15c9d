#include "lib/fd2/batch/parcel.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/par.h"

/* Shot i and its box go where they belong in the parcel. */
struct packing {
	const struct batch *b;
	struct shot *shots;
};

static void pack(void *ctx, int i)
{
	const struct packing *p = ctx;
	const struct view *v = &p->b->views[i];
	const struct shot *s = &p->shots[i];
	uint8_t *to = (uint8_t *)p->shots + s->at;
	struct image im = item_image(p->b->items[i]), shuffled = {0};
	if (v->shuffled)
		image_quarters(&shuffled, &im, v->quarters);
	const struct image *from = v->shuffled ? &shuffled : &im;
	size_t row = 3 * (size_t)s->w;
	for (int y = 0; y < s->h; y++)
		memcpy(to + (size_t)y * row,
		    from->rgb + 3 * ((size_t)(v->box.y + y) * (size_t)from->w + (size_t)v->box.x),
		    row);
	image_free(&shuffled);
	item_release(p->b->items[i], &im);
}

Tensor *batch_parcel(const struct batch *b)
{
	struct shot *shots = xcalloc((size_t)b->n + 1, sizeof *shots);
	int64_t end = b->n * (int64_t)sizeof *shots;
	for (int i = 0; i < b->n; i++) {
		const struct view *v = &b->views[i];
		shots[i] =
		    (struct shot){end, v->box.w, v->box.h, v->flip, v->jitter, (int)b->with[i]};
		end += 3 * (int64_t)v->box.w * v->box.h;
	}
	Tensor *parcel = tensor_parcel(end);
	struct packing p = {b, (struct shot *)tensor_bytes(parcel)};
	if (parcel) {
		memcpy(p.shots, shots, (size_t)b->n * sizeof *shots);
		par_for(b->n, pack, &p);
	}
	free(shots);
	return parcel;
}

struct look batch_look(const struct batch *b, const struct normal *normal)
{
	struct look l = {.size = b->size, .range = b->views[0].range, .mix = b->mix};
	for (int c = 0; c < 3; c++) {
		l.mean[c] = (float)normal->mean[c];
		l.std[c] = (float)normal->std[c];
	}
	return l;
}
