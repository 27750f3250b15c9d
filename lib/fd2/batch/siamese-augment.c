#include "lib/fd2/batch/siamese-augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/torch/functional.h"

static const double brightness = 1, saturation = 2, contrast = 0.5, shift = 0.125, cutout = 0.5,
                    flip = 0.5, scale = 1.2, degrees = 15;

/* Returns a share of the side in pixels. */
static int share_of(int size, double share)
{
	return (int)(size * share + 0.5);
}

static int between(struct rng *r, int lo, int hi)
{
	return lo + (int)rng_below(r, (uint32_t)(hi - lo + 1));
}

static void set_theta(struct siamese *s, double a, double b, double c, double d)
{
	const double theta[] = {a, b, c, d};
	memcpy(s->theta, theta, sizeof theta);
}

static void draw_values(struct siamese *s, struct rng *r, int size)
{
	int most = share_of(size, shift), side = share_of(size, cutout);
	double x, y, angle;
	switch (s->kind) {
	case SIAMESE_COLOR:
		s->brightness = rng_uniform(r);
		s->saturation = rng_uniform(r);
		s->contrast = rng_uniform(r);
		break;
	case SIAMESE_CROP:
		s->down = between(r, -most, most);
		s->right = between(r, -most, most);
		break;
	case SIAMESE_CUTOUT:
		s->y = between(r, 0, size - side % 2);
		s->x = between(r, 0, size - side % 2);
		break;
	case SIAMESE_FLIP:
		s->flip = rng_uniform(r) < flip;
		break;
	case SIAMESE_SCALE:
		x = rng_between(r, 1 / scale, scale);
		y = rng_between(r, 1 / scale, scale);
		set_theta(s, x, 0, 0, y);
		break;
	case SIAMESE_ROTATE:
		angle = rng_between(r, -degrees, degrees) / 180 * M_PI;
		set_theta(s, cos(angle), -sin(angle), sin(angle), cos(angle));
		break;
	case SIAMESE_KINDS:
		break;
	}
}

struct siamese siamese_draw(struct rng *r, unsigned kinds, int size)
{
	struct siamese s = {.none = !kinds};
	int n = 0, of[SIAMESE_KINDS];
	for (int k = 0; k < SIAMESE_KINDS; k++)
		if (kinds >> k & 1)
			of[n++] = k;
	if (!n)
		return s;
	s.kind = (enum siamese_kind)of[rng_below(r, (uint32_t)n)];
	draw_values(&s, r, size);
	return s;
}

/* Returns factor (x - mean over dims) + mean. */
static Tensor *spread(const Tensor *x, int n, const int *dims, double factor)
{
	Tensor *mean = tensor_mean(x, n, dims, true);
	return tensor_add(tensor_affine(tensor_sub(x, mean), factor, 0), mean);
}

static Tensor *colour(const struct siamese *s, const Tensor *x)
{
	x = tensor_affine(x, 1, (s->brightness - 0.5) * brightness);
	x = spread(x, 1, (int[]){1}, s->saturation * saturation);
	return spread(x, 3, (int[]){1, 2, 3}, s->contrast + contrast);
}

static Tensor *crop(const struct siamese *s, const Tensor *x)
{
	int size = (int)tensor_size(x, 2), pad = share_of(size, shift);
	Tensor *rows = tensor_narrow(tensor_pad(x, pad), 2, pad + s->down, size);
	return tensor_narrow(rows, 3, pad + s->right, size);
}

/* Returns whether pixel i of a row or column is within the square. */
static bool is_cut(int i, int centre, int side)
{
	return i >= centre - side / 2 && i < centre - side / 2 + side;
}

static Tensor *cut_out(const struct siamese *s, const Tensor *x)
{
	int size = (int)tensor_size(x, 2), side = share_of(size, cutout);
	float *keep = xcalloc((size_t)size, (size_t)size * sizeof *keep);
	for (int i = 0; i < size * size; i++)
		keep[i] = !(is_cut(i / size, s->y, side) && is_cut(i % size, s->x, side));
	Tensor *mask = tensor_from(keep, T_F32, 4, (int64_t[]){1, 1, size, size});
	free(keep);
	return tensor_mul(x, tensor_to(mask, tensor_type(x)));
}

/* The four pixels around the position that each pixel comes from, and their bilinear weights; a
 * pixel outside the image has weight 0. */
struct taps {
	int64_t *index[4];
	double *share[4];
};

static void find_taps(struct taps *t, const double *theta, int size, int i)
{
	double u = (2.0 * (i % size) + 1) / size - 1, v = (2.0 * (i / size) + 1) / size - 1,
	       x = ((theta[0] * u + theta[1] * v + 1) * size - 1) / 2,
	       y = ((theta[2] * u + theta[3] * v + 1) * size - 1) / 2, x0 = floor(x), y0 = floor(y);
	for (int k = 0; k < 4; k++) {
		int column = (int)x0 + k % 2, row = (int)y0 + k / 2;
		bool inside = column >= 0 && row >= 0 && column < size && row < size;
		double across = k % 2 ? x - x0 : 1 - (x - x0), down = k / 2 ? y - y0 : 1 - (y - y0);
		t->index[k][i] = inside ? row * size + column : 0;
		t->share[k][i] = inside ? across * down : 0;
	}
}

/* Samples pixels [S*S, N*3] bilinearly; libtorch's grid_sample has no deterministic gradient on a
 * GPU. */
static Tensor *sample(const Tensor *pixels, const double *theta, int size)
{
	int64_t n = (int64_t)size * size;
	struct taps t;
	Tensor *sum = NULL;
	for (int k = 0; k < 4; k++) {
		t.index[k] = xcalloc((size_t)n, sizeof *t.index[k]);
		t.share[k] = xcalloc((size_t)n, sizeof *t.share[k]);
	}
	for (int i = 0; i < n; i++)
		find_taps(&t, theta, size, i);
	for (int k = 0; k < 4; k++) {
		Tensor *tap = tensor_index_select(pixels, 0, tensor_from(t.index[k], T_I64, 1, &n)),
		       *share = tensor_from(t.share[k], T_F64, 2, (int64_t[]){n, 1});
		tap = tensor_mul(tap, tensor_to(share, tensor_type(pixels)));
		sum = sum ? tensor_add(sum, tap) : tap;
		free(t.index[k]);
		free(t.share[k]);
	}
	return sum;
}

static Tensor *transform(const double *theta, const Tensor *x)
{
	int64_t n = tensor_size(x, 0), size = tensor_size(x, 2);
	Tensor *pixels = tensor_reshape(
	           tensor_permute(x, 4, (int[]){2, 3, 0, 1}), 2, (int64_t[]){size * size, -1}),
	       *moved = tensor_reshape(
	           sample(pixels, theta, (int)size), 4, (int64_t[]){size, size, n, 3});
	return tensor_channels_last(tensor_permute(moved, 4, (int[]){2, 3, 0, 1}));
}

Tensor *siamese_apply(const struct siamese *s, const Tensor *x)
{
	if (!s->none)
		switch (s->kind) {
		case SIAMESE_COLOR:
			return colour(s, x);
		case SIAMESE_CROP:
			return crop(s, x);
		case SIAMESE_CUTOUT:
			return cut_out(s, x);
		case SIAMESE_FLIP:
			return s->flip ? tensor_flip(x, 3) : (Tensor *)x;
		case SIAMESE_SCALE:
		case SIAMESE_ROTATE:
			return transform(s->theta, x);
		case SIAMESE_KINDS:
			break;
		}
	return (Tensor *)x;
}

void siamese_draw_each(struct siamese *s, int n, struct rng *r, unsigned kinds, int size)
{
	struct siamese of_batch = siamese_draw(r, kinds, size);
	for (int i = 0; i < n; i++) {
		draw_values(&of_batch, r, size);
		s[i] = of_batch;
	}
}

Tensor *siamese_apply_each(const struct siamese *s, const Tensor *x)
{
	int n = (int)tensor_size(x, 0);
	if (!n || s->none)
		return (Tensor *)x;
	Tensor **each = xcalloc((size_t)n, sizeof *each);
	for (int i = 0; i < n; i++)
		each[i] = siamese_apply(&s[i], tensor_narrow(x, 0, i, 1));
	Tensor *all = tensor_cat(each, n, 0);
	free(each);
	return all;
}
