/* The triangle filter for resizing, one output at a time; shared by the loops of resample.c and by
 * lib/cuda. */
#ifndef FD2_FILTER_H
#define FD2_FILTER_H
#include <math.h>
#include <stdbool.h>

#include "lib/base/fast.h"

/* The inputs of an output: from .. to-1. */
struct reach {
	int from, to;
	double centre, width;
};

INLINE int filter_clamp(double v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : (int)v;
}

/* Returns the inputs of output i of n of the interval [at, at + length), within begin .. end-1. */
INLINE struct reach filter_reach(
    int i, int n, double at, double length, int begin, int end, bool antialias)
{
	double scale = length / n;
	struct reach r = {0, 0, at + (i + 0.5) * scale, antialias && scale > 1 ? scale : 1};

	r.from = filter_clamp(r.centre - r.width + 0.5, begin, end - 1);
	r.to = filter_clamp(r.centre + r.width + 0.5, r.from + 1, end);
	return r;
}

/* Returns input j's share, not yet divided by the sum of the shares. */
INLINE float filter_share(const struct reach *r, int j)
{
	return (float)fmax(0.0, 1 - fabs((j + 0.5 - r->centre) / r->width));
}

INLINE float filter_sum(const struct reach *r)
{
	double sum = 0;

	for (int j = r->from; j < r->to; j++)
		sum += filter_share(r, j);
	return (float)sum;
}
#endif
