#include "lib/image/view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/choice.h"
#include "lib/base/rng.h"

/* Returns a box of the unresized image; fx, fy: its position, 0.5 for the centre. A box larger than
 * the image is shrunk to fit. */
static struct box cut(const struct image *im, int size, double fx, double fy)
{
	int side = im->w < im->h ? im->w : im->h;
	if (size < side)
		side = size;
	return (struct box){
	    (int)(fx * (im->w - side + 1)), (int)(fy * (im->h - side + 1)), side, side};
}

static void shuffle_quarters(struct view *v, uint64_t seed, long epoch, long index)
{
	struct rng r = rng_at(seed, RNG_AUGMENT, (uint64_t)epoch, (uint32_t)index, 1);
	uint32_t order[4];
	rng_order(&r, order, 4);
	v->shuffled = true;
	for (int q = 0; q < 4; q++)
		v->quarters[q] = (uint8_t)order[q];
}

struct view view_random(const struct image *im, int size, const struct augment *how, uint64_t seed,
    long epoch, long index)
{
	struct rng r = rng_at(seed, RNG_AUGMENT, (uint64_t)epoch, (uint32_t)index, 0);
	struct view v = {.image = (int32_t)index};
	if (how->crop == CROP_RESIZED) {
		v.box = random_resized_crop(&r, im->w, im->h, how->min_scale, 1, 3.0 / 4, 4.0 / 3);
	} else {
		double fx = rng_uniform(&r), fy = rng_uniform(&r);
		v.box = cut(im, size, fx, fy);
	}
	v.flip = rng_uniform(&r) < 0.5;
	v.jitter = jitter_draw(&r, &how->jitter);
	if (how->shuffle)
		shuffle_quarters(&v, seed, epoch, index);
	return v;
}

struct view view_center(const struct image *im, int size)
{
	int side = im->w < im->h ? im->w : im->h;
	if (size < side)
		side = size;
	return (struct view){.box = {(int)lround((im->w - side) / 2.0),
	                         (int)lround((im->h - side) / 2.0), side, side}};
}

struct view view_entire(const struct image *im)
{
	return (struct view){.box = {0, 0, im->w, im->h}};
}

struct view view_square(const struct image *im)
{
	return view_inner(im, 0);
}

struct view view_inner(const struct image *im, double cut)
{
	int side = im->w < im->h ? im->w : im->h, off = (int)(cut * side), inner = side - 2 * off;
	return (struct view){
	    .box = {(im->w - side) / 2 + off, (im->h - side) / 2 + off, inner, inner}};
}

void view_render(
    float *out, const struct image *im, const struct view *v, int size, const struct normal *normal)
{
	struct image crop, shuffled = {0};
	if (v->shuffled)
		image_quarters(&shuffled, im, v->quarters);
	image_resample(&crop, v->shuffled ? &shuffled : im, v->box.x, v->box.y, v->box.w, v->box.h,
	    size, size, true);
	image_free(&shuffled);
	for (int y = 0; y < size; y++)
		for (int x = 0; x < size; x++) {
			const uint8_t *p = crop.rgb + 3 * ((size_t)y * size + x);
			float *q = out + 3 * ((size_t)y * size + (v->flip ? size - 1 - x : x));
			for (int c = 0; c < 3; c++)
				q[c] = p[c] * (1 / 255.0f);
		}
	image_free(&crop);
	jitter_apply(out, size, &v->jitter);
	for (int i = 0; i < size * size; i++)
		for (int c = 0; c < 3; c++)
			out[3 * i + c] =
			    (out[3 * i + c] - (float)normal->mean[c]) / (float)normal->std[c];
}

static int clip(double v, int size)
{
	return v < 0 ? 0 : v > size ? size : (int)v;
}

static const char *const mix_names[] = {"none", "cutmix", "mixup"};

const char *mix_name(enum mix_kind kind)
{
	return mix_names[kind];
}

int mix_of(const char *name)
{
	return choice_of(MIX_CHOICES, name);
}

static void draw_box(struct mix *m, struct rng *r, int size, double lambda)
{
	double side = floor(size * sqrt(1 - lambda));
	int cx = (int)rng_below(r, (uint32_t)size), cy = (int)rng_below(r, (uint32_t)size);
	m->x0 = clip(cx - floor(side / 2), size);
	m->x1 = clip(cx + floor(side / 2), size);
	m->y0 = clip(cy - floor(side / 2), size);
	m->y1 = clip(cy + floor(side / 2), size);
}

static void draw_partners(struct rng *r, struct view *views, int n)
{
	uint32_t *order = xcalloc((size_t)n, sizeof *order);
	rng_order(r, order, (uint32_t)n);
	for (int i = 0; i < n; i++)
		views[i].with = (int32_t)order[i];
	free(order);
}

struct mix mix_random(
    enum mix_kind kind, struct view *views, int n, int size, uint64_t seed, long epoch, long batch)
{
	struct rng r = rng_at(seed, RNG_MIX, (uint64_t)epoch, (uint32_t)batch, 0);
	struct mix m = {.kind = kind, .lambda = 1};
	for (int i = 0; i < n; i++)
		views[i].with = i;
	if (kind == MIX_NONE)
		return m;
	double lambda = rng_uniform(&r);
	m.lambda = (float)lambda;
	if (kind == MIX_CUTMIX)
		draw_box(&m, &r, size, lambda);
	draw_partners(&r, views, n);
	return m;
}

static void cutmix(float *pixels, int n, int size, const struct mix *m, const struct view *views)
{
	int w = m->x1 - m->x0, h = m->y1 - m->y0;
	if (w <= 0 || h <= 0)
		return;
	size_t row = 3 * (size_t)w, image = 3 * (size_t)size * size;
	float *cut = xcalloc((size_t)n * h, row * sizeof *cut);
	for (int i = 0; i < n; i++)
		for (int y = 0; y < h; y++)
			memcpy(cut + ((size_t)i * h + y) * row,
			    pixels + views[i].with * image +
			        3 * ((size_t)(m->y0 + y) * size + m->x0),
			    row * sizeof *cut);
	for (int i = 0; i < n; i++)
		for (int y = 0; y < h; y++)
			memcpy(pixels + i * image + 3 * ((size_t)(m->y0 + y) * size + m->x0),
			    cut + ((size_t)i * h + y) * row, row * sizeof *cut);
	free(cut);
}

static void mixup(float *pixels, int n, int size, float lambda, const struct view *views)
{
	size_t image = 3 * (size_t)size * size;
	float *others = xcalloc((size_t)n, image * sizeof *others);
	memcpy(others, pixels, (size_t)n * image * sizeof *others);
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < image; k++)
			pixels[i * image + k] = lambda * pixels[i * image + k] +
			                        (1 - lambda) * others[views[i].with * image + k];
	free(others);
}

void mix_apply(float *pixels, int n, int size, const struct mix *m, const struct view *views)
{
	if (m->kind == MIX_CUTMIX)
		cutmix(pixels, n, size, m, views);
	else if (m->kind == MIX_MIXUP)
		mixup(pixels, n, size, m->lambda, views);
}
