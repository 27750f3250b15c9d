#include "lib/data/fit.h"

#include "lib/base/choice.h"

enum fit fit_of(const char *name)
{
	return FIT_SHORT + choice_of(FIT_CHOICES, name);
}

static const char *const names[] = {
    [FIT_SHORT] = "short", [FIT_SQUASH] = "squash", [FIT_WHOLE] = "whole"};

const char *fit_name(enum fit fit)
{
	return names[fit];
}

static void resize(struct image *out, const struct image *in, const struct fitting *how, int side)
{
	int w = side, h = side;
	if (how->fit == FIT_SHORT)
		image_short_sides(in, side, &w, &h);
	if (how->exact)
		image_resize_as_pil(out, in, w, h);
	else
		image_resample(out, in, 0, 0, in->w, in->h, w, h, true);
}

int fit_decode(struct image *im, const void *jpeg, size_t bytes, const struct fitting *how,
    struct image_notes *notes)
{
	struct image raw;
	int side = how->fit == FIT_NONE ? 0 : how->fit == FIT_WHOLE ? how->size : how->size * 8 / 7;
	if (jpeg_decode_noting(&raw, jpeg, bytes, how->exact ? 0 : side, notes) < 0)
		return -1;
	if (how->fit == FIT_NONE) {
		*im = raw;
		return 0;
	}
	resize(im, &raw, how, side);
	image_free(&raw);
	return 0;
}
