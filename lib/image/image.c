#include "lib/image/image.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/image/filter.h"

void image_free(struct image *im)
{
	free(im->rgb);
	*im = (struct image){0};
}

struct image image_new(int w, int h)
{
	return (struct image){w, h, xcalloc((size_t)w * (size_t)h, 3)};
}

void image_short_sides(const struct image *in, int side, int *w, int *h)
{
	int longest =
	    IMAGE_PIXELS_MAX / side; /* keeps a very thin image from growing without bound */

	*w = *h = side;
	if (in->w < in->h)
		*h = filter_clamp((double)((int64_t)side * in->h / in->w), side, longest);
	else
		*w = filter_clamp((double)((int64_t)side * in->w / in->h), side, longest);
}

static uint8_t *quarter(const struct image *im, int q, int y)
{
	int x = q % 2 ? im->w - im->w / 2 : 0, top = q / 2 ? im->h - im->h / 2 : 0;

	return im->rgb + 3 * ((size_t)(top + y) * (size_t)im->w + (size_t)x);
}

void image_quarters(struct image *out, const struct image *in, const uint8_t order[4])
{
	*out = image_new(in->w, in->h);
	memcpy(out->rgb, in->rgb, 3 * (size_t)in->w * (size_t)in->h);
	for (int q = 0; q < 4; q++)
		for (int y = 0; y < in->h / 2; y++)
			memcpy(
			    quarter(out, q, y), quarter(in, order[q], y), 3 * (size_t)(in->w / 2));
}
