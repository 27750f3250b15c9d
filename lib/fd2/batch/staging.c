#include "lib/fd2/batch/staging.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/par.h"

struct packing {
	const struct item *const *items;
	const struct view *views;
	const int64_t *at;
	uint8_t *buffer;
};

/* Copies the pixels of box i to their place in the buffer. */
static void pack(void *ctx, int i)
{
	const struct packing *p = ctx;
	const struct view *v = &p->views[i];
	struct image im = item_image(p->items[i]), shuffled = {0};
	if (v->shuffled)
		image_quarters(&shuffled, &im, v->quarters);
	const struct image *from = v->shuffled ? &shuffled : &im;
	size_t row = 3 * (size_t)v->box.w;
	for (int y = 0; y < v->box.h; y++)
		memcpy(p->buffer + p->at[i] + (size_t)y * row,
		    from->rgb + 3 * ((size_t)(v->box.y + y) * (size_t)from->w + (size_t)v->box.x),
		    row);
	image_free(&shuffled);
	item_release(p->items[i], &im);
}

Tensor *staging_fill(const struct item *const *items, const struct view *views, int n)
{
	size_t count = (size_t)n, heads = count * sizeof *views;
	int64_t *at = xcalloc(count + 1, sizeof *at);
	at[0] = (int64_t)(heads + count * sizeof *at);
	for (int i = 0; i < n; i++)
		at[i + 1] = at[i] + 3 * (int64_t)views[i].box.w * views[i].box.h;
	Tensor *staging = tensor_staging(at[n]);
	struct packing p = {items, views, at, tensor_bytes(staging)};
	if (staging) {
		memcpy(p.buffer, views, heads);
		memcpy(p.buffer + heads, at, count * sizeof *at);
		par_for(n, pack, &p);
	}
	free(at);
	return staging;
}
