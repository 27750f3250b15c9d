/* JPEG through libjpeg-turbo. Its errors come back by longjmp; its warnings (corrupt data, early
 * end) count as errors, because a half grey image would be trained on without anyone noticing. */
#include "lib/base/err.h"
#include "lib/image/image.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

enum { SCANS_MAX = 100, DECODER_MEMORY = 512 << 20 };

struct trap {
	struct jpeg_error_mgr mgr; /* first: libjpeg's pointer to it is ours */
	jmp_buf back;
	char message[JMSG_LENGTH_MAX];
};

static void spring(j_common_ptr c)
{
	struct trap *t = (struct trap *)c->err;

	t->mgr.format_message(c, t->message);
	if (t->mgr.msg_code == JWRN_JPEG_EOF || t->mgr.msg_code == JERR_INPUT_EOF)
		strcpy(t->message, "truncated");
	/* libjpeg writes sentences; ours start lower case unless the first word is an
	 * abbreviation. */
	if (isupper((unsigned char)t->message[0]) && islower((unsigned char)t->message[1]))
		t->message[0] = (char)tolower((unsigned char)t->message[0]);
	longjmp(t->back, 1);
}

static void on_message(j_common_ptr c, int level)
{
	if (level < 0)
		spring(c);
}

static void set_trap(struct jpeg_error_mgr **err, struct trap *t)
{
	*err = jpeg_std_error(&t->mgr);
	t->mgr.error_exit = spring;
	t->mgr.emit_message = on_message;
}

struct decoder {
	struct jpeg_decompress_struct c; /* first: the progress monitor gets a pointer to it */
	struct trap trap;
	struct jpeg_progress_mgr progress;
	struct image im;
	uint8_t *row; /* one row of CMYK */
	int bad;      /* our own verdict, already in fail_message */
};

/* A small file can ask for thousands of passes over a large image. */
static void limit_scans(j_common_ptr c)
{
	struct decoder *d = (struct decoder *)c;

	if (d->c.input_scan_number > SCANS_MAX) {
		snprintf(
		    d->trap.message, sizeof d->trap.message, "has more than %d scans", SCANS_MAX);
		longjmp(d->trap.back, 1);
	}
}

/* The smallest of the scales 1, 1/2, 1/4, 1/8 that keeps the short side >= min_side. */
static void choose_scale(j_decompress_ptr c, int min_side)
{
	unsigned shorter = c->image_width < c->image_height ? c->image_width : c->image_height;
	unsigned denom = 8;

	while (denom > 1 && (shorter + denom - 1) / denom < (unsigned)min_side)
		denom /= 2;
	c->scale_num = 1;
	c->scale_denom = denom;
}

/* Adobe's convention, which every CMYK JPEG follows: inverted inks. */
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

/* Leaves the pixels in d->im. -1: d->bad set and fail_message, or out by the trap. */
static void decode(struct decoder *d, const void *data, size_t size, int min_side)
{
	jpeg_create_decompress(&d->c);
	d->c.mem->max_memory_to_use = DECODER_MEMORY;
	d->progress.progress_monitor = limit_scans;
	d->c.progress = &d->progress;
	jpeg_mem_src(&d->c, data, size);
	jpeg_read_header(&d->c, TRUE);
	d->bad = check_size(&d->c);
	if (d->bad)
		return;
	int inks = d->c.jpeg_color_space == JCS_CMYK || d->c.jpeg_color_space == JCS_YCCK;
	d->c.out_color_space = inks ? JCS_CMYK : JCS_RGB;
	if (min_side > 0)
		choose_scale(&d->c, min_side);
	jpeg_start_decompress(&d->c);
	d->im.w = (int)d->c.output_width;
	d->im.h = (int)d->c.output_height;
	d->im.rgb = xmalloc((size_t)d->im.w * (size_t)d->im.h * 3);
	read_rows(d);
	jpeg_finish_decompress(&d->c);
}

int jpeg_decode(struct image *im, const void *data, size_t size, int min_side)
{
	const uint8_t *b = data;
	struct decoder d;

	*im = (struct image){0};
	if (size < 3 || b[0] != 0xff || b[1] != 0xd8 || b[2] != 0xff)
		return fail("not a JPEG");
	memset(&d, 0, sizeof d);
	set_trap(&d.c.err, &d.trap);
	if (setjmp(d.trap.back))
		d.bad = fail("%s", d.trap.message);
	else
		decode(&d, data, size, min_side);
	jpeg_destroy_decompress(&d.c);
	free(d.row);
	if (d.bad) {
		image_free(&d.im);
		return -1;
	}
	*im = d.im;
	return 0;
}

struct encoder {
	struct jpeg_compress_struct c;
	struct trap trap;
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
	set_trap(&e.c.err, &e.trap);
	if (setjmp(e.trap.back))
		e.bad = fail("%s", e.trap.message);
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
