/* Jitter of one pixel of three floats in [0, 1]; shared by jitter.c and lib/cuda. */
#ifndef FD2_COLOUR_H
#define FD2_COLOUR_H
#include <math.h>
#include <stdbool.h>

#include "lib/base/fast.h"
#include "lib/image/jitter.h"

INLINE float colour_clamp(float v)
{
	return fminf(fmaxf(v, 0.0f), 1.0f);
}

INLINE float colour_grey(const float *p)
{
	return 0.2989f * p[0] + 0.587f * p[1] + 0.114f * p[2];
}

/* p = factor p + (1 - factor) other */
INLINE void colour_blend(float *p, float factor, float other)
{
	for (int c = 0; c < 3; c++)
		p[c] = colour_clamp(factor * p[c] + (1 - factor) * other);
}

/* Shifts the hue by way of hue, saturation and value (Smith 1978). */
INLINE void colour_turn_hue(float *p, float shift)
{
	float max = fmaxf(p[0], fmaxf(p[1], p[2])), min = fminf(p[0], fminf(p[1], p[2])),
	      range = max - min;
	if (range <= 0)
		return;
	float h = max == p[0]   ? (p[1] - p[2]) / range
	          : max == p[1] ? 2 + (p[2] - p[0]) / range
	                        : 4 + (p[0] - p[1]) / range;
	h = h / 6 + shift;
	h = 6 * (h - floorf(h));
	int sector = (int)h % 6;
	float f = h - floorf(h), s = range / max, low = max * (1 - s), falling = max * (1 - s * f),
	      rising = max * (1 - s * (1 - f));
	const float colour[6][3] = {{max, rising, low}, {falling, max, low}, {low, max, rising},
	    {low, falling, max}, {rising, low, max}, {max, low, falling}};
	for (int c = 0; c < 3; c++)
		p[c] = colour_clamp(colour[sector][c]);
}

/* Applies one change. mean: the mean grey of the whole image, for CONTRAST. */
INLINE void colour_change(float *p, int kind, float value, float mean)
{
	if (kind == HUE)
		colour_turn_hue(p, value);
	else
		colour_blend(p, value,
		    kind == CONTRAST     ? mean
		    : kind == SATURATION ? colour_grey(p)
		                         : 0);
}

/* Finds the source (u, v) of pixel (x, y) of an image turned about its centre, by the cosine and
 * sine of the angle. False: it is outside. */
INLINE bool turned_from(int x, int y, int size, double cosine, double sine, int *u, int *v)
{
	double middle = (size - 1) / 2.0, dx = x - middle, dy = y - middle;
	*u = (int)nearbyint(middle + cosine * dx - sine * dy);
	*v = (int)nearbyint(middle + sine * dx + cosine * dy);
	return *u >= 0 && *u < size && *v >= 0 && *v < size;
}
#endif
