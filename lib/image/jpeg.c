/* JPEG with libjpeg-turbo. Its errors return by longjmp, and so does the warning about an early end
 * of the file, which would leave part of the image grey; other warnings about corrupt data are
 * noted. */
#include "formats/foreign.h"
#include "lib/base/err.h"
#include "lib/image/orientation.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

enum { SCANS_MAX = 100, DECODER_MEMORY = 512 << 20 };

struct jpeg_errors {
	struct jpeg_error_mgr mgr; /* first member: libjpeg passes a pointer to it */
	jmp_buf back;
	char message[JMSG_LENGTH_MAX];
	char warning[JMSG_LENGTH_MAX]; /* the first one */
};

/* Formats libjpeg's message, with a lower-case start unless the first word is an abbreviation. */
static void format(j_common_ptr c, char *text)
{
	c->err->format_message(c, text);
	if (isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
}

static void on_error(j_common_ptr c)
{
	struct jpeg_errors *e = (struct jpeg_errors *)c->err;

	format(c, e->message);
	if (e->mgr.msg_code == JWRN_JPEG_EOF || e->mgr.msg_code == JERR_INPUT_EOF)
		strcpy(e->message, "truncated");
	longjmp(e->back, 1);
}

static void on_message(j_common_ptr c, int level)
{
	struct jpeg_errors *e = (struct jpeg_errors *)c->err;

	if (level < 0 && e->mgr.msg_code == JWRN_JPEG_EOF)
		on_error(c);
	if (level < 0 && !*e->warning)
		format(c, e->warning);
}

static void set_errors(struct jpeg_error_mgr **err, struct jpeg_errors *e)
{
	*err = jpeg_std_error(&e->mgr);
	e->mgr.error_exit = on_error;
	e->mgr.emit_message = on_message;
}

struct decoder {
	struct jpeg_decompress_struct c; /* first: the progress monitor gets a pointer to it */
	struct jpeg_errors errors;
	struct jpeg_progress_mgr progress;
	struct image im;
	uint8_t *row; /* one row of CMYK */
	int orientation;
	int bad; /* we refused the image; fail_message is set */
};

/* Stops at too many scans: a small file can ask for thousands of passes over a large image. */
static void limit_scans(j_common_ptr c)
{
	struct decoder *d = (struct decoder *)c;

	if (d->c.input_scan_number > SCANS_MAX) {
		snprintf(d->errors.message, sizeof d->errors.message, "has more than %d scans",
		    SCANS_MAX);
		longjmp(d->errors.back, 1);
	}
}

/* Chooses the smallest of the scales 1, 1/2, 1/4, 1/8 that keeps the short side >= min_side. */
static void choose_scale(j_decompress_ptr c, int min_side)
{
	unsigned shorter = c->image_width < c->image_height ? c->image_width : c->image_height;
	unsigned denom = 8;

	while (denom > 1 && (shorter + denom - 1) / denom < (unsigned)min_side)
		denom /= 2;
	c->scale_num = 1;
	c->scale_denom = denom;
}

/* Converts CMYK with inverted inks: Adobe's convention, which every CMYK JPEG follows. */
static void cmyk_to_rgb(uint8_t *rgb, const uint8_t *cmyk, int w)
{
	for (int i = 0; i < w; i++, rgb += 3, cmyk += 4)
		for (int k = 0; k < 3; k++)
			rgb[k] = (uint8_t)((cmyk[k] * cmyk[3] + 127) / 255);
}

static void read_rows(struct decoder *d)
{
	int w = (int)d->c.output_width;

	if (d->c.out_color_space == JCS_CMYK)
		d->row = xmalloc((size_t)w * 4);
	while (d->c.output_scanline < d->c.output_height) {
		uint8_t *to = d->im.rgb + (size_t)d->c.output_scanline * (size_t)w * 3;
		JSAMPROW row = d->row ? d->row : to;

		jpeg_read_scanlines(&d->c, &row, 1);
		if (d->row)
			cmyk_to_rgb(to, d->row, w);
	}
}

static int check_size(j_decompress_ptr c)
{
	if (c->image_width == 0 || c->image_height == 0)
		return fail("claims no pixels");
	if (c->image_width > IMAGE_SIDE_MAX || c->image_height > IMAGE_SIDE_MAX ||
	    (uint64_t)c->image_width * c->image_height > IMAGE_PIXELS_MAX)
		return fail("claims %ux%u pixels, more than %d Mpx", c->image_width,
		    c->image_height, IMAGE_PIXELS_MAX >> 20);
	return 0;
}

/* Returns the orientation in the first EXIF segment. */
static int orientation_of(j_decompress_ptr c)
{
	for (jpeg_saved_marker_ptr m = c->marker_list; m; m = m->next)
		if (m->data_length > 6 && !memcmp(m->data, "Exif\0\0", 6))
			return exif_orientation(m->data, m->data_length);
	return 1;
}

/* Decodes into d->im. On failure, sets d->bad and fail_message, or leaves by longjmp. */
static void decode(struct decoder *d, const void *data, size_t size, int min_side)
{
	jpeg_create_decompress(&d->c);
	d->c.mem->max_memory_to_use = DECODER_MEMORY;
	d->progress.progress_monitor = limit_scans;
	d->c.progress = &d->progress;
	jpeg_mem_src(&d->c, data, size);
	jpeg_save_markers(&d->c, JPEG_APP0 + 1, 0xffff);
	jpeg_read_header(&d->c, TRUE);
	d->bad = check_size(&d->c);
	if (d->bad)
		return;
	bool inks = d->c.jpeg_color_space == JCS_CMYK || d->c.jpeg_color_space == JCS_YCCK;
	d->c.out_color_space = inks ? JCS_CMYK : JCS_RGB;
	if (min_side > 0)
		choose_scale(&d->c, min_side);
	jpeg_start_decompress(&d->c);
	d->im.w = (int)d->c.output_width;
	d->im.h = (int)d->c.output_height;
	d->im.rgb = xmalloc((size_t)d->im.w * (size_t)d->im.h * 3);
	read_rows(d);
	d->orientation = orientation_of(&d->c);
	jpeg_finish_decompress(&d->c);
}

static int not_a_jpeg(const uint8_t *data, size_t size)
{
	const char *kind = size ? foreign_format(data, size) : "empty";
	bool converted =
	    kind && (strstr(kind, "PNG") || strstr(kind, "WebP") || strstr(kind, "AVIF"));
	return fail("%s%snot a JPEG%s", kind ? kind : "", kind ? ", " : "",
	    converted ? " ('fd2-import folder' converts it)" : "");
}

int jpeg_decode_noting(
    struct image *im, const void *data, size_t size, int min_side, struct image_notes *notes)
{
	const uint8_t *b = data;
	struct decoder d;

	*im = (struct image){0};
	if (size < 3 || b[0] != 0xff || b[1] != 0xd8 || b[2] != 0xff)
		return not_a_jpeg(b, size);
	memset(&d, 0, sizeof d);
	set_errors(&d.c.err, &d.errors);
	if (setjmp(d.errors.back))
		d.bad = fail("%s", d.errors.message);
	else
		decode(&d, data, size, min_side);
	jpeg_destroy_decompress(&d.c);
	free(d.row);
	if (d.bad) {
		image_free(&d.im);
		return -1;
	}
	image_upright(&d.im, d.orientation);
	*im = d.im;
	if (notes) {
		*notes = (struct image_notes){.orientation = d.orientation};
		snprintf(notes->recovered, sizeof notes->recovered, "%s", d.errors.warning);
	}
	return 0;
}

int jpeg_decode(struct image *im, const void *data, size_t size, int min_side)
{
	return jpeg_decode_noting(im, data, size, min_side, NULL);
}

int jpeg_sides(const uint8_t *b, size_t n, int *w, int *h)
{
	int orientation = 0; /* 0: no EXIF yet; the first counts, as in orientation_of */
	for (size_t at = 2; at + 9 < n && b[at] == 0xff;) {
		uint8_t marker = b[at + 1];
		size_t length = (size_t)(b[at + 2] << 8 | b[at + 3]);
		bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
		             marker != 0xcc;
		if (frame) {
			int high = b[at + 5] << 8 | b[at + 6], wide = b[at + 7] << 8 | b[at + 8];
			*w = orientation < 5 ? wide : high;
			*h = orientation < 5 ? high : wide;
			return wide && high ? 0 : -1;
		}
		if (!orientation && marker == 0xe1 && length > 8 && at + 2 + length <= n &&
		    !memcmp(b + at + 4, "Exif\0\0", 6))
			orientation = exif_orientation(b + at + 4, length - 2);
		at += marker == 0xff ? 1 : 2 + length;
	}
	return -1;
}

struct encoder {
	struct jpeg_compress_struct c;
	struct jpeg_errors errors;
	unsigned char *data;
	unsigned long size;
	int bad;
};

static void encode(struct encoder *e, const struct image *im, int quality)
{
	jpeg_create_compress(&e->c);
	jpeg_mem_dest(&e->c, &e->data, &e->size);
	e->c.image_width = (JDIMENSION)im->w;
	e->c.image_height = (JDIMENSION)im->h;
	e->c.input_components = 3;
	e->c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&e->c);
	jpeg_set_quality(&e->c, quality, TRUE);
	if (quality >= 90) {
		e->c.comp_info[0].h_samp_factor = 1;
		e->c.comp_info[0].v_samp_factor = 1;
	}
	jpeg_start_compress(&e->c, TRUE);
	while (e->c.next_scanline < e->c.image_height) {
		JSAMPROW row = im->rgb + (size_t)e->c.next_scanline * (size_t)im->w * 3;

		jpeg_write_scanlines(&e->c, &row, 1);
	}
	jpeg_finish_compress(&e->c);
}

int jpeg_encode(const struct image *im, int quality, uint8_t **data, size_t *size)
{
	struct encoder e;

	*data = NULL;
	*size = 0;
	if (im->w < 1 || im->h < 1 || im->w > IMAGE_SIDE_MAX || im->h > IMAGE_SIDE_MAX)
		return fail("cannot make a JPEG of %dx%d pixels", im->w, im->h);
	if (quality < 1 || quality > 100)
		return fail("JPEG quality %d is not within 1-100", quality);
	memset(&e, 0, sizeof e);
	set_errors(&e.c.err, &e.errors);
	if (setjmp(e.errors.back))
		e.bad = fail("%s", e.errors.message);
	else
		encode(&e, im, quality);
	jpeg_destroy_compress(&e.c);
	if (e.bad) {
		free(e.data);
		return -1;
	}
	*data = e.data;
	*size = e.size;
	return 0;
}
