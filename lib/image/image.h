/* The face of lib/image: images in memory, 8-bit RGB, interleaved, rows top to bottom.
 *
 * Decoders return an upright struct image (JPEG here, png.h; orientation.h). This header also
 * resizes images and draws random crops. A network gets a view of an image (view.h): a crop,
 * resized (filter.h has the arithmetic of one pixel), flipped, its colours changed (jitter.h), as
 * floats and maybe mixed with another one; view-pixel.h is the same for a GPU. For people, draw.h
 * makes contact sheets and overlays with captions (text.h), and creature.h draws the birds of
 * fd2-draw on a canvas.h.
 *
 * The caller owns an image and frees it with image_free; no function keeps one. Functions can be
 * called by several threads at a time. */
#ifndef FD2_IMAGE_H
#define FD2_IMAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGE_SIDE_MAX = 65500, IMAGE_PIXELS_MAX = 64 << 20 };

struct image {
	int w, h;
	uint8_t *rgb; /* [h][w][3]; free with image_free */
};
void image_free(struct image *im);
struct image image_new(int w, int h); /* zeroed; never fails */

/* What a decoder found and handled. */
struct image_notes {
	char recovered[200]; /* libjpeg's first warning about corrupt data; "": none */
	int orientation;     /* EXIF's, 1 to 8: the image was turned upright */
	bool alpha, deep;    /* transparency, or more than 8 bits per value, was dropped */
};

/* Decodes a baseline or progressive JPEG (grey, YCbCr, RGB, CMYK, YCCK) with libjpeg-turbo's
 * defaults (islow DCT, fancy upsampling), and turns it upright by its EXIF orientation. min_side >
 * 0 allows scaling by 1/2, 1/4, 1/8 while decoding as long as the short side stays >= min_side.
 * Corrupt data that libjpeg recovers from is accepted, as in PIL, and noted; a file that ends
 * early is an error. notes may be NULL. Thread-safe. -1: fail_message ("a WebP image, not a JPEG",
 * "claims 60000x60000 pixels, more than 64 Mpx", "truncated", ...), nothing allocated. */
int jpeg_decode_noting(
    struct image *im, const void *data, size_t size, int min_side, struct image_notes *notes);
int jpeg_decode(struct image *im, const void *data, size_t size, int min_side);
/* Finds width and height of a JPEG as it will be decoded, from its headers alone. -1, without a
 * message: they are missing. */
int jpeg_sides(const uint8_t *data, size_t size, int *w, int *h);
/* Encodes a JPEG of quality 1-100, 4:2:0 below 90, 4:4:4 from 90 on, always with the same bytes.
 * *data is from malloc. 0 or -1. */
int jpeg_encode(const struct image *im, int quality, uint8_t **data, size_t *size);

/* Resamples the crop box (x, y, w, h; may be fractional) to out_w x out_h, bilinear with half-pixel
 * centres, like torchvision's resized_crop: the box is cut out first, so the filter does not reach
 * beyond it; an output wholly outside of the image takes its border.
 * antialias: the filter widens when shrinking (PIL, torchvision >= 0.17's default). */
void image_resample(struct image *out, const struct image *in, double x, double y, double w,
    double h, int out_w, int out_h, bool antialias);
/* Resizes the short side to `side`, antialiased, keeping the aspect, like torchvision's
 * Resize(side): long = int(side * long / short). */
void image_resize_short(struct image *out, const struct image *in, int side);
/* Returns the sides of that result. */
void image_short_sides(const struct image *in, int side, int *w, int *h);
/* Resizes the whole image to w x h, with the same bytes as PIL's resize (BILINEAR), which rounds to
 * 8 bits after each direction. For held-out images: image_resample is faster and rounds once. */
void image_resize_as_pil(struct image *out, const struct image *in, int w, int h);

/* Reorders the four quarters (top left, top right, bottom left, bottom right): quarter q of *out is
 * quarter order[q] of in. They have half the sides, rounded down; the middle column or row of an
 * odd side stays. */
void image_quarters(struct image *out, const struct image *in, const uint8_t order[4]);

/* Draws the box of torchvision's RandomResizedCrop, in whole pixels: area in [scale_lo, scale_hi]
 * of the image's, log-uniform ratio in [ratio_lo, ratio_hi], ten attempts, then the centre crop. */
struct rng;
struct box {
	int x, y, w, h;
};
struct box random_resized_crop(struct rng *r, int w, int h, double scale_lo, double scale_hi,
    double ratio_lo, double ratio_hi);
#endif
