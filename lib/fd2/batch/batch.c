#include "lib/fd2/batch/batch.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/base/par.h"
#include "lib/fd2/batch/staging.h"
#include "lib/torch/start.h"

void batch_init(struct batch *b, int cap, int size)
{
	*b = (struct batch){.cap = cap, .size = size};
	b->items = xcalloc((size_t)cap, sizeof *b->items);
	b->own = xcalloc((size_t)cap, sizeof *b->own);
	b->views = xcalloc((size_t)cap, sizeof *b->views);
	b->labels = xcalloc((size_t)cap, sizeof *b->labels);
	b->pixels = xcalloc((size_t)cap, 3 * (size_t)size * size * sizeof *b->pixels);
}

void batch_free(struct batch *b)
{
	free(b->items);
	free(b->own);
	free(b->views);
	free(b->labels);
	free(b->pixels);
	tensor_free(b->on_device);
	*b = (struct batch){0};
}

void batch_clear(struct batch *b)
{
	b->n = 0;
	b->mix = (struct mix){.kind = MIX_NONE};
}

static void add(struct batch *b, const struct item *it, const struct view *v)
{
	b->items[b->n] = it;
	b->labels[b->n] = it->label;
	b->views[b->n++] = *v;
}

void batch_add(struct batch *b, const struct item *items, const struct view *v)
{
	add(b, &items[v->image], v);
}

void batch_add_center(struct batch *b, const struct item *item)
{
	struct view v = view_center(&item->image, b->size);
	add(b, item, &v);
}

void batch_add_image(struct batch *b, const struct image *im, int label, const struct view *v)
{
	b->own[b->n] = (struct item){.label = label, .image = *im};
	add(b, &b->own[b->n], v);
}

void batch_mix(struct batch *b, const struct mix *m)
{
	b->mix = *m;
}

static float *pixels_of(const struct batch *b, int i)
{
	return b->pixels + (size_t)i * 3 * b->size * b->size;
}

struct cpu_rendering {
	const struct batch *b;
	const struct normal *normal;
};

static void render(void *ctx, int i)
{
	const struct cpu_rendering *r = ctx;
	const struct batch *b = r->b;
	struct image im = item_image(b->items[i]);
	view_render(pixels_of(b, i), &im, &b->views[i], b->size, r->normal);
	item_release(b->items[i], &im);
}

static void forget_rendered(struct batch *b)
{
	tensor_free(b->on_device);
	b->on_device = NULL;
	b->on_gpu = false;
}

void batch_render_on_cpu(struct batch *b, const struct normal *normal)
{
	struct cpu_rendering r = {b, normal};
	forget_rendered(b);
	par_for(b->n, render, &r);
	mix_apply(b->pixels, b->n, b->size, &b->mix, b->views);
}

static void render_on_gpu(struct batch *b, const struct normal *normal)
{
	struct rendering how = {b->size, *normal, b->mix};
	forget_rendered(b);
	b->on_gpu = true;
	tensor_scope_begin(NO_GRAD);
	Tensor *staging = staging_fill(b->items, b->views, b->n);
	b->on_device = tensor_keep_always(tensor_render(staging, b->n, &how));
	tensor_scope_end();
}

void batch_render(struct batch *b, const struct normal *normal)
{
	(torch_on_gpu() && b->n ? render_on_gpu : batch_render_on_cpu)(b, normal);
}

Tensor *images_from(const float *pixels, int n, int size, enum scalar type)
{
	Tensor *nhwc = tensor_from(pixels, T_F32, 4, (int64_t[]){n, size, size, 3});
	return tensor_to(tensor_permute(nhwc, 4, (int[]){0, 3, 1, 2}), type);
}

Tensor *batch_images(const struct batch *b, int first, int n, enum scalar type)
{
	return b->on_gpu ? tensor_to(tensor_narrow(b->on_device, 0, first, n), type)
	                 : images_from(pixels_of(b, first), n, b->size, type);
}

Tensor *batch_labels(const struct batch *b, int first, int n)
{
	return tensor_from(b->labels + first, T_I64, 1, (int64_t[]){n});
}

Tensor *image_tensor(const struct image *im, const struct view *v, int size,
    const struct normal *normal, enum scalar type)
{
	struct batch b;
	batch_init(&b, 1, size);
	batch_add_image(&b, im, 0, v);
	batch_render(&b, normal);
	Tensor *x = batch_images(&b, 0, 1, type);
	batch_free(&b);
	return x;
}

int half_size(int n, int parts, int half)
{
	return half ? n - n / parts : n / parts;
}

enum scalar arithmetic(void)
{
	if (common.dtype == DTYPE_F32)
		return T_F32;
	return common.dtype == DTYPE_BF16 || torch_bf16_is_faster() ? T_BF16 : T_F32;
}
