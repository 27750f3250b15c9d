#include "lib/base/rng.h"
#include "lib/image/image.h"
#include <math.h>

static struct box central_crop(int w, int h, double ratio_lo, double ratio_hi)
{
	struct box b = {0, 0, w, h};
	double ratio = (double)w / h;

	if (ratio < ratio_lo)
		b.h = (int)lrint(w / ratio_lo);
	else if (ratio > ratio_hi)
		b.w = (int)lrint(h * ratio_hi);
	b.x = (w - b.w) / 2;
	b.y = (h - b.h) / 2;
	return b;
}

struct box random_resized_crop(
    struct rng *r, int w, int h, double scale_lo, double scale_hi, double ratio_lo, double ratio_hi)
{
	for (int i = 0; i < 10; i++) {
		double area = (double)w * h * rng_between(r, scale_lo, scale_hi);
		double ratio = exp(rng_between(r, log(ratio_lo), log(ratio_hi)));
		struct box b = {
		    0, 0, (int)lrint(sqrt(area * ratio)), (int)lrint(sqrt(area / ratio))};

		if (b.w > 0 && b.w <= w && b.h > 0 && b.h <= h) {
			b.y = (int)rng_below(r, (uint32_t)(h - b.h + 1));
			b.x = (int)rng_below(r, (uint32_t)(w - b.w + 1));
			return b;
		}
	}
	return central_crop(w, h, ratio_lo, ratio_hi);
}
