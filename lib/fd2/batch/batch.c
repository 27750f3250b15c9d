#include "lib/fd2/batch/batch.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/base/par.h"
#include "lib/fd2/batch/parcel.h"

void batch_init(struct batch *b, int cap, int size)
{
	*b = (struct batch){.cap = cap, .size = size};
	b->pixels = xcalloc((size_t)cap, 3 * (size_t)size * size * sizeof *b->pixels);
	b->labels = xcalloc((size_t)cap, sizeof *b->labels);
	b->views = xcalloc((size_t)cap, sizeof *b->views);
	b->items = xcalloc((size_t)cap, sizeof *b->items);
	b->with = xcalloc((size_t)cap, sizeof *b->with);
}

void batch_free(struct batch *b)
{
	free(b->pixels);
	free(b->labels);
	free(b->views);
	free(b->items);
	free(b->with);
	tensor_free(b->seen);
	*b = (struct batch){0};
}

void batch_clear(struct batch *b)
{
	b->n = 0;
	b->mix = (struct mix){.kind = MIX_NONE};
}

void batch_add(struct batch *b, const struct item *it, const struct view *v)
{
	b->items[b->n] = it;
	b->labels[b->n] = it->label;
	b->views[b->n++] = *v;
}

void batch_mix(struct batch *b, const struct mix *m, const uint32_t *with)
{
	b->mix = *m;
	memcpy(b->with, with, (size_t)b->n * sizeof *with);
}

struct rendering {
	struct batch *b;
	const struct normal *normal;
};

static void render(void *ctx, int i)
{
	struct rendering *r = ctx;
	struct batch *b = r->b;
	struct image im = item_image(b->items[i]);
	view_render(
	    b->pixels + (size_t)i * 3 * b->size * b->size, &im, &b->views[i], b->size, r->normal);
	item_release(b->items[i], &im);
}

static void forget_seen(struct batch *b)
{
	tensor_free(b->seen);
	b->seen = NULL;
	b->there = false;
}

void batch_render_here(struct batch *b, const struct normal *normal)
{
	struct rendering r = {b, normal};
	forget_seen(b);
	par_for(b->n, render, &r);
	mix_apply(b->pixels, b->n, b->size, &b->mix, b->with);
}

static void render_there(struct batch *b, const struct normal *normal)
{
	struct look l = batch_look(b, normal);
	forget_seen(b);
	b->there = true;
	tensor_scope_begin(NO_GRAD);
	b->seen = tensor_keep_always(tensor_render(batch_parcel(b), b->n, &l));
	tensor_scope_end();
}

void batch_render(struct batch *b, const struct normal *normal)
{
	(torch_on_gpu() && b->n ? render_there : batch_render_here)(b, normal);
}

Tensor *batch_images(const struct batch *b, int first, int n, enum scalar type)
{
	int64_t shape[] = {n, b->size, b->size, 3};
	if (b->there)
		return tensor_to(tensor_narrow(b->seen, 0, first, n), type);
	Tensor *nhwc =
	    tensor_from(b->pixels + (size_t)first * 3 * b->size * b->size, T_F32, 4, shape);
	return tensor_to(tensor_permute(nhwc, 4, (int[]){0, 3, 1, 2}), type);
}

Tensor *batch_labels(const struct batch *b, int first, int n)
{
	return tensor_from(b->labels + first, T_I64, 1, (int64_t[]){n});
}

int half_size(int n, int parts, int half)
{
	return half ? n - n / parts : n / parts;
}

enum scalar arithmetic(void)
{
	if (common.dtype == DTYPE_F32)
		return T_F32;
	return common.dtype == DTYPE_BF16 || torch_has_bf16() ? T_BF16 : T_F32;
}
