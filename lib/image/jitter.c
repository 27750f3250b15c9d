#include "lib/image/jitter.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/image/colour.h"

struct jitter jitter_draw(struct rng *r, const struct jitter_range *range)
{
	struct jitter j = {0};
	bool any = false;
	for (int k = 0; k < JITTERS; k++)
		any |= range->amount[k] > 0;
	if (any) {
		uint32_t order[JITTERS];
		rng_order(r, order, JITTERS);
		for (int k = 0; k < JITTERS; k++) {
			double x = range->amount[k];
			if (range->amount[order[k]] > 0)
				j.order[j.n++] = (uint8_t)order[k];
			j.value[k] = (float)(k == HUE ? rng_between(r, -x, x)
			                              : rng_between(r, fmax(0, 1 - x), 1 + x));
		}
	}
	if (range->degrees > 0)
		j.angle = rng_between(r, -range->degrees, range->degrees);
	return j;
}

static float mean_grey(const float *rgb, int n)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += colour_grey(rgb + 3 * i);
	return (float)(sum / n);
}

static void recolour(float *rgb, int n, int kind, float value)
{
	float mean = kind == CONTRAST ? mean_grey(rgb, n) : 0;
	for (int i = 0; i < n; i++)
		colour_change(rgb + 3 * i, kind, value, mean);
}

static void turn(float *rgb, int size, double degrees)
{
	double cosine = cos(degrees * M_PI / 180), sine = sin(degrees * M_PI / 180);
	size_t bytes = 3 * (size_t)size * size * sizeof *rgb;
	float *from = xmalloc(bytes);
	memcpy(from, rgb, bytes);
	for (int y = 0; y < size; y++)
		for (int x = 0; x < size; x++) {
			int u, v;
			bool inside = turned_from(x, y, size, cosine, sine, &u, &v);
			for (int k = 0; k < 3; k++)
				rgb[3 * (y * size + x) + k] =
				    inside ? from[3 * (v * size + u) + k] : 0;
		}
	free(from);
}

void jitter_apply(float *rgb, int size, const struct jitter *j)
{
	for (int k = 0; k < j->n; k++)
		recolour(rgb, size * size, j->order[k], j->value[j->order[k]]);
	if (j->angle != 0)
		turn(rgb, size, j->angle);
}
