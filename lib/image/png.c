#include "lib/image/png.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

/* libpng's sentence, once what it holds is freed. */
static int failed(png_image *png, const char *what)
{
	png_image_free(png);
	return fail("%s: %s", what, *png->message ? png->message : "libpng failed");
}

static void drop_alpha(uint8_t *rgb, const uint8_t *rgba, size_t pixels)
{
	for (size_t i = 0; i < pixels; i++)
		memcpy(rgb + 3 * i, rgba + 4 * i, 3);
}

int png_decode(struct image *im, const void *data, size_t size)
{
	png_image png = {.version = PNG_IMAGE_VERSION};
	if (!size || !png_image_begin_read_from_memory(&png, data, size))
		return failed(&png, "not a PNG");
	size_t pixels = (size_t)png.width * png.height;
	if (png.width > IMAGE_SIDE_MAX || png.height > IMAGE_SIDE_MAX ||
	    pixels > IMAGE_PIXELS_MAX) {
		png_image_free(&png);
		return fail("claims %ux%u pixels, more than 64 Mpx", png.width, png.height);
	}
	png.format = PNG_FORMAT_RGBA;
	uint8_t *rgba = xmalloc(4 * pixels);
	if (!png_image_finish_read(&png, NULL, rgba, 0, NULL) || png.warning_or_error) {
		free(rgba);
		return failed(&png, "damaged PNG");
	}
	*im = image_new((int)png.width, (int)png.height);
	drop_alpha(im->rgb, rgba, pixels);
	free(rgba);
	return 0;
}

int png_encode(const struct image *im, uint8_t **data, size_t *size)
{
	png_image png = {.version = PNG_IMAGE_VERSION,
	    .width = (png_uint_32)im->w,
	    .height = (png_uint_32)im->h,
	    .format = PNG_FORMAT_RGB};
	png_alloc_size_t room = PNG_IMAGE_PNG_SIZE_MAX(png);
	*data = xmalloc(room);
	if (!png_image_write_to_memory(&png, *data, &room, 0, im->rgb, 0, NULL)) {
		free(*data);
		*data = NULL;
		return failed(&png, "cannot encode a PNG");
	}
	*size = room;
	return 0;
}
