#include "lib/fd2/teacher/cal-augment.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/teacher/cal.h"
#include "lib/base/par.h"
#include "lib/base/rng.h"

struct work {
	float *out;
	const float *pixels, *A;
	int n, maps, h, w, size;
	uint64_t seed;
	long epoch, batch;
};

/* Interpolates a grid [h][w] of `channels` numbers at (y, x), bilinearly. */
static void between(float *to, const float *grid, int h, int w, int channels, double y, double x)
{
	int y0 = (int)y, x0 = (int)x, y1 = y0 + (y0 < h - 1), x1 = x0 + (x0 < w - 1);
	float fy = (float)(y - y0), fx = (float)(x - x0);
	for (int c = 0; c < channels; c++) {
		float top = (1 - fx) * grid[(y0 * w + x0) * channels + c] +
		            fx * grid[(y0 * w + x1) * channels + c];
		float low = (1 - fx) * grid[(y1 * w + x0) * channels + c] +
		            fx * grid[(y1 * w + x1) * channels + c];
		to[c] = (1 - fy) * top + fy * low;
	}
}

/* Returns the position of point i of n among m points, with their ends aligned. */
static double aligned(int i, int n, int m)
{
	return n > 1 ? (double)i * (m - 1) / (n - 1) : 0;
}

/* Draws a map, with probability proportional to sqrt(mass + 1e-6). */
static const float *draw_map(struct rng *r, const struct work *k, const float *A)
{
	int hw = k->h * k->w, m;
	double weight[MAPS_MAX], sum = 0;
	for (m = 0; m < k->maps; m++) {
		double mass = 0;
		for (int i = 0; i < hw; i++)
			mass += A[m * hw + i];
		sum += weight[m] = sqrt(mass + 1e-6);
	}
	double u = rng_uniform(r) * sum;
	for (m = 0; m < k->maps - 1 && (u -= weight[m]) >= 0; m++)
		;
	return A + m * hw;
}

/* Sets mask[y][x] where the map, resized to the image, reaches theta times its largest value. */
static void reach(uint8_t *mask, const struct work *k, const float *map, double theta)
{
	int S = k->size;
	float *wide = xcalloc((size_t)S * S, sizeof *wide), largest = 0;
	for (int y = 0; y < S; y++)
		for (int x = 0; x < S; x++) {
			between(&wide[y * S + x], map, k->h, k->w, 1, aligned(y, S, k->h),
			    aligned(x, S, k->w));
			largest = fmaxf(largest, wide[y * S + x]);
		}
	for (int i = 0; i < S * S; i++)
		mask[i] = wide[i] >= (float)theta * largest;
	free(wide);
}

struct span {
	int first, last;
};

/* Returns the rows (step S) or columns (step 1) that the mask spans, padded by a tenth of S. */
static struct span extent(const uint8_t *mask, int S, int step)
{
	struct span s = {S, 0};
	for (int i = 0; i < S; i++)
		for (int j = 0; j < S; j++)
			if (mask[i * step + j * (step == 1 ? S : 1)]) {
				s.first = i < s.first ? i : s.first;
				s.last = i;
			}
	if (s.first == S)
		return (struct span){0, S - 1}; /* the map is not finite */
	int pad = S / 10;
	return (struct span){
	    s.first > pad ? s.first - pad : 0, s.last + pad < S ? s.last + pad : S - 1};
}

static void crop(float *out, const struct work *k, const float *image, const uint8_t *mask)
{
	int S = k->size;
	struct span rows = extent(mask, S, S), columns = extent(mask, S, 1);
	for (int y = 0; y < S; y++)
		for (int x = 0; x < S; x++)
			between(out + 3 * (y * S + x), image, S, S, 3,
			    rows.first + aligned(y, S, rows.last - rows.first + 1),
			    columns.first + aligned(x, S, columns.last - columns.first + 1));
}

static void drop(float *out, int S, const float *image, const uint8_t *mask)
{
	for (int i = 0; i < S * S; i++)
		for (int c = 0; c < 3; c++)
			out[3 * i + c] = mask[i] ? 0 : image[3 * i + c];
}

static void one(void *ctx, int i)
{
	const struct work *k = ctx;
	size_t pixels = 3 * (size_t)k->size * k->size;
	const float *A = k->A + (size_t)i * k->maps * k->h * k->w, *image = k->pixels + i * pixels;
	struct rng r =
	    rng_at(k->seed, RNG_GUIDED, (uint64_t)k->epoch, (uint32_t)k->batch, (uint32_t)i);
	uint8_t *mask = xmalloc((size_t)k->size * k->size);
	const float *look = draw_map(&r, k, A), *hide = draw_map(&r, k, A);
	reach(mask, k, look, rng_between(&r, 0.4, 0.6));
	crop(k->out + i * pixels, k, image, mask);
	reach(mask, k, hide, rng_between(&r, 0.2, 0.5));
	drop(k->out + (k->n + i) * pixels, k->size, image, mask);
	free(mask);
}

int cal_augment(float *out, const float *pixels, const Tensor *A, int size, uint64_t seed,
    long epoch, long batch)
{
	int64_t count = tensor_numel(A);
	float *a = xcalloc((size_t)count + 1, sizeof *a);
	int err = tensor_read(A, T_F32, a, count);
	struct work k = {out, pixels, a, (int)tensor_size(A, 0), (int)tensor_size(A, 1),
	    (int)tensor_size(A, 2), (int)tensor_size(A, 3), size, seed, epoch, batch};
	if (!err)
		par_for(k.n, one, &k);
	free(a);
	return err;
}
