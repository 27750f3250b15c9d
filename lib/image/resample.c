/* Resizes like PIL: a triangle filter in each direction, whose weights are computed once. Sums each
 * output row first over the input rows it needs, then along x. */
#include "lib/base/err.h"
#include "lib/base/fast.h"
#include "lib/image/filter.h"
#include "lib/image/image.h"
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* For each output coordinate i: the inputs first[i] .. first[i] + count[i] - 1 and their weights
 * [i * taps ...], which sum to 1. */
struct kernel {
	int taps;
	int most;   /* the largest count; weights beyond a count are 0 */
	int lo, hi; /* all inputs lie in [lo, hi) */
	int *first, *count;
	float *weights;
};

/* Computes n outputs of the interval [at, at + length) of `size` inputs. The filter stops at the
 * interval's ends, as if it had been cut out first, and at the inputs' ends; the remaining weights
 * are normalised. An output wholly outside takes the border. */
static struct kernel kernel_new(double at, double length, int size, int n, bool antialias)
{
	double scale = length / n, width = antialias && scale > 1 ? scale : 1;
	int begin = filter_clamp(floor(at), 0, size - 1),
	    end = filter_clamp(ceil(at + length), begin + 1, size);
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

/* sum = w[0] rows[0] + w[1] rows[1] + ..., with rows `stride` apart. */
INLINE void sum_along_y(float *restrict sum, const uint8_t *restrict rows, size_t stride,
    const float *w, int count, int n)
{
	for (int i = 0; i < n; i++) {
		float s = 0;

		for (int j = 0; j < count; j++)
			s += w[j] * (float)rows[(size_t)j * stride + (size_t)i];
		sum[i] = s;
	}
}

/* Passes the usual numbers of inputs as constants, which unrolls the inner loop; also along x. */
FAST static void along_y(float *restrict sum, const uint8_t *restrict rows, size_t stride,
    const float *w, int count, int n)
{
	if (count == 2)
		sum_along_y(sum, rows, stride, w, 2, n);
	else if (count == 3)
		sum_along_y(sum, rows, stride, w, 3, n);
	else
		sum_along_y(sum, rows, stride, w, count, n);
}

typedef float quad __attribute__((vector_size(16)));

/* Sums three channels and one lane of padding, which the next output overwrites: `sum` must be
 * writable one float beyond its last. Every output takes `most` inputs, to avoid branches: `row`
 * must be readable for that many pixels, and one float, beyond its last. */
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

FAST static void along_x(
    uint8_t *restrict out, float *restrict sum, const float *row, const struct kernel *k, int n)
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

#ifdef __x86_64__
/* For the same with 16 floats of the outputs at once, if their inputs lie within two registers. */
struct lanes {
	int n;          /* floats of the outputs, a multiple of 3 */
	int *base;      /* per block of 16: where its first output's inputs begin */
	int32_t *place; /* per output: where its inputs begin, relative to base */
	float *weights; /* [block][most][16] */
};

static void lanes_free(struct lanes *l)
{
	if (!l)
		return;
	free(l->base);
	free(l->place);
	free(l->weights);
	free(l);
}

/* Fills base and place. False: a block's inputs lie too far apart. */
static bool find_places(struct lanes *l, const struct kernel *k)
{
	for (int i = 0; i < l->n; i++) {
		int first = (k->first[i / 3] - k->lo) * 3;

		if (i % 16 == 0)
			l->base[i / 16] = first;
		l->place[i] = first + i % 3 - l->base[i / 16];
		if (l->place[i] >= 32)
			return false;
	}
	return true;
}

/* Returns NULL if it is not possible. */
static struct lanes *lanes_new(const struct kernel *k, int n)
{
	struct lanes *l = xcalloc(1, sizeof *l);
	size_t blocks = (3 * (size_t)n + 15) / 16, most = (size_t)k->most;

	l->n = 3 * n;
	l->base = xcalloc(blocks, sizeof *l->base);
	l->place = xcalloc(blocks, 16 * sizeof *l->place);
	if (!__builtin_cpu_supports("avx512f") || !find_places(l, k)) {
		lanes_free(l);
		return NULL;
	}
	l->weights = xcalloc(blocks * most, 16 * sizeof *l->weights);
	for (size_t i = 0; i < 3 * (size_t)n; i++)
		for (size_t j = 0; j < most; j++)
			l->weights[(i / 16 * most + j) * 16 + i % 16] =
			    k->weights[i / 3 * (size_t)k->taps + j];
	return l;
}

#define AVX512 __attribute__((target("avx512f")))

AVX512 INLINE void sum_lanes(
    uint8_t *restrict out, const float *restrict row, const struct lanes *l, int most)
{
	const float *w = l->weights;
	const int *base = l->base;
	const int32_t *places = l->place;

	for (int i = 0, n = l->n; i < n; i += 16, base++) {
		const float *p = row + *base;
		__m512i place = _mm512_loadu_si512(places + i);
		__m512 s = _mm512_set1_ps(0.5f);

#pragma GCC unroll 3
		for (int j = 0; j < most; j++, p += 3, w += 16) {
			__m512 v = _mm512_permutex2var_ps(
			    _mm512_loadu_ps(p), place, _mm512_loadu_ps(p + 16));

			s = _mm512_add_ps(s, _mm512_mul_ps(_mm512_loadu_ps(w), v));
		}
		__m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(s));
		if (n - i >= 16)
			_mm_storeu_si128((__m128i *)(out + i), bytes);
		else
			memcpy(out + i, &bytes, (size_t)(n - i));
	}
}

/* `row` must be readable for 32 floats after each base, and 3 more for each further input. */
AVX512 static void along_x_lanes(uint8_t *out, const float *row, const struct lanes *l, int most)
{
	if (most == 2)
		sum_lanes(out, row, l, 2);
	else if (most == 3)
		sum_lanes(out, row, l, 3);
	else
		sum_lanes(out, row, l, most);
}
#else
struct lanes;
static struct lanes *lanes_new(const struct kernel *k, int n)
{
	(void)k, (void)n;
	return NULL;
}
static void along_x_lanes(uint8_t *out, const float *row, const struct lanes *l, int most)
{
	(void)out, (void)row, (void)l, (void)most;
}
static void lanes_free(struct lanes *l)
{
	(void)l;
}
#endif

void image_resample(struct image *out, const struct image *in, double x, double y, double w,
    double h, int out_w, int out_h, bool antialias)
{
	struct kernel kx = kernel_new(x, w, in->w, out_w, antialias);
	struct kernel ky = kernel_new(y, h, in->h, out_h, antialias);
	struct lanes *lanes = lanes_new(&kx, out_w);
	int n = (kx.hi - kx.lo) * 3;
	float *row = xcalloc((size_t)n + 3 * (size_t)kx.most + 32, sizeof *row);
	float *sum = xmalloc(((size_t)out_w * 3 + 1) * sizeof *sum);

	*out = (struct image){out_w, out_h, xmalloc((size_t)out_w * (size_t)out_h * 3)};
	for (int i = 0; i < out_h; i++) {
		const uint8_t *from =
		    in->rgb + ((size_t)ky.first[i] * (size_t)in->w + (size_t)kx.lo) * 3;
		uint8_t *to = out->rgb + (size_t)i * (size_t)out_w * 3;

		along_y(row, from, (size_t)in->w * 3, ky.weights + (size_t)i * (size_t)ky.taps,
		    ky.count[i], n);
		if (lanes)
			along_x_lanes(to, row, lanes, kx.most);
		else
			along_x(to, sum, row, &kx, out_w);
	}
	free(row);
	free(sum);
	lanes_free(lanes);
	kernel_free(&kx);
	kernel_free(&ky);
}

void image_resize_short(struct image *out, const struct image *in, int side)
{
	int w, h;

	image_short_sides(in, side, &w, &h);
	image_resample(out, in, 0, 0, in->w, in->h, w, h, true);
}
