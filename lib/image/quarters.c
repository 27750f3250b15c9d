#include "lib/image/image.h"
#include <string.h>

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
