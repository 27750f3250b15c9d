#include "lib/image/jitter.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

struct jitter jitter_draw(struct rng *r, const struct jitter_range *range)
{
	struct jitter j = {.value = {1, 1, 1, 0}, .order = {0, 1, 2, 3}};
	bool any = false;
	for (int k = 0; k < JITTERS; k++)
		any |= range->amount[k] > 0;
	if (any) {
		uint32_t order[JITTERS] = {0, 1, 2, 3};
		rng_shuffle(r, order, JITTERS);
		for (int k = 0; k < JITTERS; k++) {
			double x = range->amount[k];
			j.order[k] = (int)order[k];
			j.value[k] = k == HUE ? rng_between(r, -x, x) : rng_between(r, fmax(0, 1 - x), 1 + x);
		}
	}
	if (range->degrees > 0)
		j.angle = rng_between(r, -range->degrees, range->degrees);
	return j;
}

static float clamped(float v)
{
	return fminf(fmaxf(v, 0), 1);
}

static float grey(const float *p)
{
	return 0.2989f * p[0] + 0.587f * p[1] + 0.114f * p[2];
}

/* p = factor p + (1 - factor) other */
static void blend(float *p, float factor, float other)
{
	for (int c = 0; c < 3; c++)
		p[c] = clamped(factor * p[c] + (1 - factor) * other);
}

static void contrast(float *rgb, int n, float factor)
{
	double mean = 0;
	for (int i = 0; i < n; i++)
		mean += grey(rgb + 3 * i);
	for (int i = 0; i < n; i++)
		blend(rgb + 3 * i, factor, (float)(mean / n));
}

/* Through hue, saturation and value (Smith 1978). */
static void turn_hue(float *p, float shift)
{
	float max = fmaxf(p[0], fmaxf(p[1], p[2])), min = fminf(p[0], fminf(p[1], p[2])), range = max - min;
	if (range <= 0)
		return;
	float h = max == p[0] ? (p[1] - p[2]) / range : max == p[1] ? 2 + (p[2] - p[0]) / range : 4 + (p[0] - p[1]) / range;
	h = h / 6 + shift;
	h = 6 * (h - floorf(h));
	int sector = (int)h % 6;
	float f = h - floorf(h), s = range / max, low = max * (1 - s), falling = max * (1 - s * f),
	      rising = max * (1 - s * (1 - f));
	const float colour[6][3] = {{max, rising, low}, {falling, max, low}, {low, max, rising}, {low, falling, max},
	    {rising, low, max}, {max, low, falling}};
	for (int c = 0; c < 3; c++)
		p[c] = clamped(colour[sector][c]);
}

static void recolour(float *rgb, int n, int kind, float value)
{
	if (kind == CONTRAST) {
		contrast(rgb, n, value);
		return;
	}
	for (int i = 0; i < n; i++) {
		float *p = rgb + 3 * i;
		if (kind == HUE)
			turn_hue(p, value);
		else
			blend(p, value, kind == SATURATION ? grey(p) : 0);
	}
}

static void rotate(float *rgb, int size, double degrees)
{
	double c = cos(degrees * M_PI / 180), s = sin(degrees * M_PI / 180), middle = (size - 1) / 2.0;
	size_t bytes = 3 * (size_t)size * size * sizeof *rgb;
	float *from = xmalloc(bytes);
	memcpy(from, rgb, bytes);
	for (int y = 0; y < size; y++)
		for (int x = 0; x < size; x++) {
			double dx = x - middle, dy = y - middle;
			int u = (int)nearbyint(middle + c * dx - s * dy), v = (int)nearbyint(middle + s * dx + c * dy);
			bool inside = u >= 0 && u < size && v >= 0 && v < size;
			for (int k = 0; k < 3; k++)
				rgb[3 * (y * size + x) + k] = inside ? from[3 * (v * size + u) + k] : 0;
		}
	free(from);
}

void jitter_apply(float *rgb, int size, const struct jitter *j, const struct jitter_range *range)
{
	for (int k = 0; k < JITTERS; k++)
		if (range->amount[j->order[k]] > 0)
			recolour(rgb, size * size, j->order[k], (float)j->value[j->order[k]]);
	if (range->degrees > 0)
		rotate(rgb, size, j->angle);
}
