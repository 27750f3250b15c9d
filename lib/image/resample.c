/* Resizing as PIL does it: a triangle filter in each direction, whose weights are computed once. Each output row is first summed
 * over the input rows it needs, then along x. */
#include "lib/base/err.h"
#include "lib/base/fast.h"
#include "lib/image/filter.h"
#include "lib/image/image.h"
#include <stdlib.h>
#include <string.h>

void image_free(struct image *im)
{
	free(im->rgb);
	*im = (struct image){0};
}

struct image image_new(int w, int h)
{
	return (struct image){w, h, xcalloc((size_t)w * (size_t)h, 3)};
}

/* For each output coordinate: input first[i] .. first[i] + count[i] - 1 with weights[i * taps ...], which sum to 1. */
struct kernel {
	int taps;
	int most;   /* of all counts; weights beyond a count are 0 */
	int lo, hi; /* all inputs lie in [lo, hi) */
	int *first, *count;
	float *weights;
};

/* n outputs of the interval [at, at + length) of `size` inputs. The filter stops at the interval's ends, as if it had been cut out
 * first; what falls outside of the inputs loses its weight to the rest; an output wholly outside takes the border. */
static struct kernel kernel_new(double at, double length, int size, int n, int antialias)
{
	double scale = length / n, width = antialias && scale > 1 ? scale : 1;
	int begin = filter_clamp(floor(at), 0, size - 1), end = filter_clamp(ceil(at + length), begin + 1, size);
	struct kernel k = {.taps = (int)fmin(2 * ceil(width) + 1, size), .lo = size};

	k.first = xcalloc((size_t)n, sizeof *k.first);
	k.count = xcalloc((size_t)n, sizeof *k.count);
	k.weights = xcalloc((size_t)n * (size_t)k.taps, sizeof *k.weights);
	for (int i = 0; i < n; i++) {
		struct reach r = filter_reach(i, n, at, length, begin, end, antialias);
		float sum = filter_sum(&r), *w = k.weights + (size_t)i * (size_t)k.taps;
		int from = r.from, to = r.to;

		for (int j = from; j < to; j++)
			w[j - from] = sum > 0 ? filter_share(&r, j) / sum : j == from;
		k.first[i] = from;
		k.count[i] = to - from;
		k.most = to - from > k.most ? to - from : k.most;
		k.lo = from < k.lo ? from : k.lo;
		k.hi = to > k.hi ? to : k.hi;
	}
	return k;
}

static void kernel_free(struct kernel *k)
{
	free(k->first);
	free(k->count);
	free(k->weights);
}

/* sum[i] += w * row[i]; blocks of a fixed length are what gcc -O2 vectorises. */
INLINE void add_row(float *restrict sum, const uint8_t *restrict row, float w, int n)
{
	int i = 0;

	for (; i + 16 <= n; i += 16)
		for (int j = 0; j < 16; j++)
			sum[i + j] += w * (float)row[i + j];
	for (; i < n; i++)
		sum[i] += w * (float)row[i];
}

typedef float quad __attribute__((vector_size(16)));

/* Three channels and one lane of padding, which the next output overwrites: `sum` is writable one float beyond its last. Every
 * output takes `most` inputs, so that no branch depends on it: `row` is readable for that many pixels, and one float, beyond its
 * last. */
INLINE void sum_along_x(float *sum, const float *row, const struct kernel *k, int n, int most)
{
	for (int i = 0; i < n; i++) {
		const float *w = k->weights + (size_t)i * (size_t)k->taps;
		const float *p = row + (size_t)(k->first[i] - k->lo) * 3;
		quad s = {0.5f, 0.5f, 0.5f, 0};

		for (int j = 0; j < most; j++, p += 3) {
			quad v;

			memcpy(&v, p, sizeof v);
			s += w[j] * v;
		}
		memcpy(sum + 3 * i, &s, sizeof s);
	}
}

/* The usual numbers of inputs become loops without a loop. */
FAST static void along_x(uint8_t *restrict out, float *restrict sum, const float *row, const struct kernel *k, int n)
{
	if (k->most == 2)
		sum_along_x(sum, row, k, n, 2);
	else if (k->most == 3)
		sum_along_x(sum, row, k, n, 3);
	else
		sum_along_x(sum, row, k, n, k->most);
	for (int i = 0; i < 3 * n; i++)
		out[i] = (uint8_t)(int)sum[i];
}

FAST void image_resample(
    struct image *out, const struct image *in, double x, double y, double w, double h, int out_w, int out_h, int antialias)
{
	struct kernel kx = kernel_new(x, w, in->w, out_w, antialias);
	struct kernel ky = kernel_new(y, h, in->h, out_h, antialias);
	int n = (kx.hi - kx.lo) * 3;
	size_t room = (size_t)n + 3 * (size_t)kx.most + 1;
	float *row = xmalloc(room * sizeof *row), *sum = xmalloc(((size_t)out_w * 3 + 1) * sizeof *sum);

	*out = image_new(out_w, out_h);
	for (int i = 0; i < out_h; i++) {
		memset(row, 0, room * sizeof *row);
		for (int j = 0; j < ky.count[i]; j++) {
			const uint8_t *from = in->rgb + ((size_t)(ky.first[i] + j) * (size_t)in->w + (size_t)kx.lo) * 3;

			add_row(row, from, ky.weights[(size_t)i * (size_t)ky.taps + (size_t)j], n);
		}
		along_x(out->rgb + (size_t)i * (size_t)out_w * 3, sum, row, &kx, out_w);
	}
	free(row);
	free(sum);
	kernel_free(&kx);
	kernel_free(&ky);
}

void image_resize_short(struct image *out, const struct image *in, int side)
{
	int w = side, h = side;
	int longest = IMAGE_PIXELS_MAX / side; /* a line of pixels would otherwise grow without bound */

	if (in->w < in->h)
		h = filter_clamp((double)((int64_t)side * in->h / in->w), side, longest);
	else
		w = filter_clamp((double)((int64_t)side * in->w / in->h), side, longest);
	image_resample(out, in, 0, 0, in->w, in->h, w, h, 1);
}
