#include "lib/data/import/convert.h"

#include <stdlib.h>

#include "lib/base/err.h"

enum { QUALITY = 95, BANNER = 20 };

static void cut_banner(struct image *im)
{
	if (im->h > BANNER)
		im->h -= BANNER;
}

static void resize(struct image *im, const struct import_job *job)
{
	struct image out;
	if (job->short_side)
		image_resize_short(&out, im, job->size);
	else
		image_resample(&out, im, 0, 0, im->w, im->h, job->size, job->size, true);
	image_free(im);
	*im = out;
}

static int encode(struct converted *c, struct image *im, const struct import_job *job)
{
	if (job->cut_banner)
		cut_banner(im);
	if (job->size)
		resize(im, job);
	return jpeg_encode(im, QUALITY, &c->jpeg, &c->size);
}

struct converted convert(const struct import_job *job, const void *data, size_t size)
{
	struct converted c = {.format = photo_format(data, size)};
	struct image im;
	if (photo_decode(&im, data, size, &c.notes) < 0) {
		c.problem = xstrdup(fail_message());
		return c;
	}
	c.w = im.w;
	c.h = im.h;
	bool passes = c.format == PHOTO_JPEG && c.notes.orientation == 1 && !*c.notes.recovered &&
	              !job->size && !job->cut_banner;
	if (!passes && encode(&c, &im, job) < 0)
		c.problem = xstrdup(fail_message());
	image_free(&im);
	return c;
}

void converted_free(struct converted *c)
{
	free(c->jpeg);
	free(c->problem);
}
