/* Resizes with the same bytes as Pillow's Image.resize with BILINEAR: a network's prediction for a
 * held-out image depends on them, and published figures come from PyTorch. Follows
 * src/libImaging/Resample.c of Pillow. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/fast.h"
#include "lib/image/filter.h"
#include "lib/image/image.h"

/* Weights are whole multiples of 2^-22. */
enum { WEIGHT_BITS = 32 - 8 - 2 };

/* Output i has the inputs first[i] .. first[i] + count[i] - 1. */
struct taps {
	int most, *first, *count;
	int32_t *weights; /* [n][most] */
};

static void weigh(int32_t *to, int from, int count, double centre, double width)
{
	double sum = 0;
	for (int j = 0; j < count; j++)
		sum += fmax(0, 1 - fabs((j + from - centre + 0.5) * (1 / width)));
	for (int j = 0; j < count; j++) {
		double share = fmax(0, 1 - fabs((j + from - centre + 0.5) * (1 / width)));
		to[j] = (int32_t)(0.5 + share / sum * (1 << WEIGHT_BITS));
	}
}

static struct taps taps_new(int in, int out)
{
	double scale = (double)in / out, width = fmax(scale, 1);
	struct taps t = {.most = 2 * (int)ceil(width) + 1};
	t.first = xcalloc((size_t)out, sizeof *t.first);
	t.count = xcalloc((size_t)out, sizeof *t.count);
	t.weights = xcalloc((size_t)out * (size_t)t.most, sizeof *t.weights);
	for (int i = 0; i < out; i++) {
		double centre = (i + 0.5) * scale;
		t.first[i] = filter_clamp(centre - width + 0.5, 0, in);
		t.count[i] = filter_clamp(centre + width + 0.5, 0, in) - t.first[i];
		weigh(
		    t.weights + (size_t)i * (size_t)t.most, t.first[i], t.count[i], centre, width);
	}
	return t;
}

static void taps_free(struct taps *t)
{
	free(t->first);
	free(t->count);
	free(t->weights);
}

/* Returns a weighted sum of pixels as a byte. The weights are not negative, and sum to 1 except for
 * rounding. */
static uint8_t rounded(int32_t sum)
{
	int v = sum >> WEIGHT_BITS;
	return (uint8_t)(v > 255 ? 255 : v);
}

FAST static void resize_row(uint8_t *out, const uint8_t *in, const struct taps *t, int n)
{
	for (int i = 0; i < n; i++) {
		const int32_t *w = t->weights + (size_t)i * (size_t)t->most;
		const uint8_t *p = in + 3 * (size_t)t->first[i];
		int32_t sum[3] = {
		    1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1)};
		for (int j = 0; j < t->count[i]; j++)
			for (int c = 0; c < 3; c++)
				sum[c] += w[j] * p[3 * j + c];
		for (int c = 0; c < 3; c++)
			out[3 * i + c] = rounded(sum[c]);
	}
}

/* Computes n bytes of one output row; input rows are `stride` apart. */
FAST static void resize_column(
    uint8_t *out, const uint8_t *in, size_t stride, const int32_t *w, int count, int n)
{
	for (int i = 0; i < n; i++) {
		int32_t sum = 1 << (WEIGHT_BITS - 1);
		for (int j = 0; j < count; j++)
			sum += w[j] * in[(size_t)j * stride + (size_t)i];
		out[i] = rounded(sum);
	}
}

static struct image resize_across(const struct image *in, int w)
{
	struct image out = image_new(w, in->h);
	struct taps t = taps_new(in->w, w);
	for (int y = 0; y < in->h; y++)
		resize_row(out.rgb + 3 * (size_t)y * (size_t)w,
		    in->rgb + 3 * (size_t)y * (size_t)in->w, &t, w);
	taps_free(&t);
	return out;
}

static struct image resize_down(const struct image *in, int h)
{
	struct image out = image_new(in->w, h);
	struct taps t = taps_new(in->h, h);
	size_t stride = 3 * (size_t)in->w;
	for (int y = 0; y < h; y++)
		resize_column(out.rgb + (size_t)y * stride, in->rgb + (size_t)t.first[y] * stride,
		    stride, t.weights + (size_t)y * (size_t)t.most, t.count[y], (int)stride);
	taps_free(&t);
	return out;
}

void image_resize_as_pil(struct image *out, const struct image *in, int w, int h)
{
	/* As in Pillow from version 13 on; earlier ones always start along x. */
	bool down_first = in->h > h && in->h - h > 2 * (in->w - w);
	struct image half = down_first ? resize_down(in, h) : resize_across(in, w);
	*out = down_first ? resize_across(&half, w) : resize_down(&half, h);
	image_free(&half);
}
