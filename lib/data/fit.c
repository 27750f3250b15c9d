#include "lib/data/fit.h"

#include "lib/base/opts.h"

enum fit fit_of(const char *name)
{
	return FIT_SHORT + choice_of(FIT_CHOICES, name);
}

const char *fit_name(enum fit fit)
{
	return fit == FIT_SQUASH ? "squash" : fit == FIT_WHOLE ? "whole" : "short";
}

int fit_decode(struct image *im, const void *jpeg, size_t bytes, enum fit fit, int size,
    struct image_notes *notes)
{
	struct image raw;
	int side = fit == FIT_NONE ? 0 : fit == FIT_WHOLE ? size : size * 8 / 7;
	if (jpeg_decode_noting(&raw, jpeg, bytes, side, notes) < 0)
		return -1;
	if (fit == FIT_NONE) {
		*im = raw;
		return 0;
	}
	if (fit == FIT_SHORT)
		image_resize_short(im, &raw, side);
	else
		image_resample(im, &raw, 0, 0, raw.w, raw.h, side, side, 1);
	image_free(&raw);
	return 0;
}
