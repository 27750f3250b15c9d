#include "lib/image/png.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/image/orientation.h"

/* State that must survive a longjmp out of libpng. */
struct decoder {
	png_structp png;
	png_infop info;
	const uint8_t *data;
	size_t left;
	struct image im;
	png_bytep *rows;
	char message[200];
};

static void on_error(png_structp png, png_const_charp why)
{
	struct decoder *d = png_get_error_ptr(png);
	snprintf(d->message, sizeof d->message, "%s", why);
	png_longjmp(png, 1);
}

/* Ignores warnings, about profiles, times and the like; PIL reads such images silently. */
static void on_warning(png_structp png, png_const_charp why)
{
	(void)png;
	(void)why;
}

static void feed(png_structp png, png_bytep to, size_t n)
{
	struct decoder *d = png_get_io_ptr(png);
	if (n > d->left)
		png_error(png, "truncated");
	memcpy(to, d->data, n);
	d->data += n;
	d->left -= n;
}

/* Makes libpng convert to 8-bit RGB without alpha, like PIL's convert("RGB"). */
static void set_transforms(png_structp png)
{
	png_set_expand(png);
	png_set_strip_16(png);
	png_set_strip_alpha(png);
	png_set_gray_to_rgb(png);
	png_set_interlace_handling(png);
}

static int orientation_of(struct decoder *d)
{
	png_uint_32 n = 0;
	png_bytep exif = NULL;
	return png_get_eXIf_1(d->png, d->info, &n, &exif) && exif ? exif_orientation(exif, n) : 1;
}

static void read_pixels(struct decoder *d, struct image_notes *notes)
{
	png_uint_32 w = png_get_image_width(d->png, d->info),
	            h = png_get_image_height(d->png, d->info);
	if (w > IMAGE_SIDE_MAX || h > IMAGE_SIDE_MAX || (uint64_t)w * h > IMAGE_PIXELS_MAX) {
		snprintf(d->message, sizeof d->message, "claims %ux%u pixels, more than %d Mpx", w,
		    h, IMAGE_PIXELS_MAX >> 20);
		png_longjmp(d->png, 1);
	}
	notes->deep = png_get_bit_depth(d->png, d->info) == 16;
	notes->alpha = (png_get_color_type(d->png, d->info) & PNG_COLOR_MASK_ALPHA) ||
	               png_get_valid(d->png, d->info, PNG_INFO_tRNS);
	set_transforms(d->png);
	png_read_update_info(d->png, d->info);
	d->im = image_new((int)w, (int)h);
	d->rows = xcalloc(h, sizeof *d->rows);
	for (png_uint_32 y = 0; y < h; y++)
		d->rows[y] = d->im.rgb + 3 * (size_t)w * y;
	png_read_image(d->png, d->rows);
	png_read_end(d->png, d->info);
}

/* Decodes into d->im. 0, or -1 with d->message. */
static int decode(struct decoder *d, struct image_notes *notes)
{
	if (setjmp(png_jmpbuf(d->png)))
		return -1;
	png_set_read_fn(d->png, d, feed);
	png_set_user_limits(d->png, 0x7fffffff, 0x7fffffff); /* read_pixels applies our limits */
	png_read_info(d->png, d->info);
	read_pixels(d, notes);
	notes->orientation = orientation_of(d);
	return 0;
}

int png_decode(struct image *im, const void *data, size_t size, struct image_notes *notes)
{
	struct decoder d = {.data = data, .left = size};
	if (size < 8 || png_sig_cmp(data, 0, 8))
		return fail("not a PNG");
	d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, on_error, on_warning);
	d.info = d.png ? png_create_info_struct(d.png) : NULL;
	int err = d.info ? decode(&d, notes) : -1;
	png_destroy_read_struct(&d.png, &d.info, NULL);
	free(d.rows);
	if (err) {
		image_free(&d.im);
		return !strncmp(d.message, "claims", 6) ? fail("%s", d.message)
		                                        : fail("damaged PNG: %s", d.message);
	}
	image_upright(&d.im, notes->orientation);
	*im = d.im;
	return 0;
}

int png_encode(const struct image *im, uint8_t **data, size_t *size)
{
	png_image png = {.version = PNG_IMAGE_VERSION,
	    .width = (png_uint_32)im->w,
	    .height = (png_uint_32)im->h,
	    .format = PNG_FORMAT_RGB};
	png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(png);
	*data = xmalloc(bytes);
	if (!png_image_write_to_memory(&png, *data, &bytes, 0, im->rgb, 0, NULL)) {
		free(*data);
		*data = NULL;
		png_image_free(&png);
		return fail(
		    "cannot encode a PNG: %s", *png.message ? png.message : "libpng failed");
	}
	*size = bytes;
	return 0;
}
