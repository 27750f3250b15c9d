/* Photographs in every format: made here by the formats' own encoders, broken in every place. With
 * a FILE, writes what it decodes to as a PPM, for test/cli/photos.py to compare with Pillow. */
#include <stdlib.h>

#include "formats/input.h"
#include "formats/bytes.h"
#include "lib/base/err.h"
#include "lib/base/rng.h"
#include "lib/image/orientation.h"
#include "lib/image/png.h"
#include "lib/photo/photo.h"
#include "test/c/check.h"

#ifdef HAVE_libwebpdemux
#include <webp/encode.h>
#endif
#ifdef HAVE_libavif
#include <avif/avif.h>
#endif

static struct image picture(int w, int h)
{
	struct image im = image_new(w, h);
	for (int i = 0; i < 3 * w * h; i++)
		im.rgb[i] = (uint8_t)(i * 7 % 251);
	return im;
}

static uint8_t *encode(enum photo_format format, size_t *size)
{
	struct image im = picture(21, 13);
	uint8_t *data = NULL, *copy;
	*size = 0;
	if (format == PHOTO_JPEG)
		jpeg_encode(&im, 90, &data, size);
	if (format == PHOTO_PNG)
		png_encode(&im, &data, size);
#ifdef HAVE_libwebpdemux
	if (format == PHOTO_WEBP)
		*size = WebPEncodeLosslessRGB(im.rgb, im.w, im.h, 3 * im.w, &data);
#endif
#ifdef HAVE_libavif
	if (format == PHOTO_AVIF) {
		avifImage *a =
		    avifImageCreate((uint32_t)im.w, (uint32_t)im.h, 8, AVIF_PIXEL_FORMAT_YUV444);
		avifEncoder *encoder = avifEncoderCreate();
		avifRGBImage rgb;
		avifRWData out = AVIF_DATA_EMPTY;
		avifRGBImageSetDefaults(&rgb, a);
		rgb.format = AVIF_RGB_FORMAT_RGB;
		rgb.pixels = im.rgb;
		rgb.rowBytes = 3 * (uint32_t)im.w;
		encoder->speed = 10;
		if (avifImageRGBToYUV(a, &rgb) == AVIF_RESULT_OK &&
		    avifEncoderWrite(encoder, a, &out) == AVIF_RESULT_OK) {
			data = xmalloc(out.size);
			memcpy(data, out.data, out.size);
			*size = out.size;
		}
		avifRWDataFree(&out);
		avifEncoderDestroy(encoder);
		avifImageDestroy(a);
	}
#endif
	copy = xmalloc(*size);
	if (*size)
		memcpy(copy, data, *size);
	free(data);
	image_free(&im);
	return copy;
}

static void formats_are_told_by_content(void)
{
	for (enum photo_format f = PHOTO_JPEG; f < PHOTO_FORMATS; f++) {
		size_t size;
		uint8_t *data = encode(f, &size);
		struct image im;
		if (photo_supported(f)) {
			CHECK(photo_format(data, size) == f);
			CHECK(photo_decode(&im, data, size, NULL) == 0 && im.w == 21 && im.h == 13);
			image_free(&im);
		}
		free(data);
	}
}

static void lossless_is_lossless(void)
{
	struct image want = picture(21, 13), im;
	for (enum photo_format f = PHOTO_PNG; f <= PHOTO_WEBP; f++) {
		size_t size;
		uint8_t *data = encode(f, &size);
		if (photo_supported(f)) {
			CHECK(photo_decode(&im, data, size, NULL) == 0 &&
			      !memcmp(im.rgb, want.rgb, 3 * 21 * 13));
			image_free(&im);
		}
		free(data);
	}
	image_free(&want);
}

static int says(const void *data, size_t size, const char *sentence)
{
	struct image im;
	int err = photo_decode(&im, data, size, NULL);
	if (err && !strcmp(fail_message(), sentence))
		return 1;
	printf("# expected '%s', got '%s'\n", sentence, err ? fail_message() : "an image");
	return 0;
}

static void what_is_refused_is_named(void)
{
	struct image im;
	CHECK(says("", 0, "empty file"));
	CHECK(says("hello", 5, "not an image that fd2 knows"));
	CHECK(says("GIF89a..", 8, "a GIF image"));
	CHECK(says("BM......", 8, "a BMP image"));
	CHECK(says("\n<!DOCTYPE HTML><html>", 22, "an HTML page"));
	CHECK(says("version https://git-lfs.github.com/spec/v1\n", 43,
	    "a Git LFS pointer ('git lfs pull' fetches the file)"));
	CHECK(says("\0\0\0\0\0\0\0\0", 8, "a file that begins with zero bytes"));
	CHECK(says("\0\0\0\x18"
	           "ftypheic\0\0\0\0mif1heic",
	    24, "a HEIC image"));
	CHECK(jpeg_decode(&im, "RIFF\4\0\0\0WEBPVP8 ", 16, 0) == -1);
	CHECK_STR(fail_message(), "a WebP image, not a JPEG ('fd2-import folder' converts it)");
	CHECK(jpeg_decode(&im, "", 0, 0) == -1);
	CHECK_STR(fail_message(), "empty, not a JPEG");
}

/* Cut anywhere, or with bytes changed: decoded or refused, within bounds. */
static void damage_does_no_harm(void)
{
	for (enum photo_format f = PHOTO_JPEG; f < PHOTO_FORMATS; f++) {
		size_t size, refused = 0;
		uint8_t *data = encode(f, &size);
		struct image im;
		for (uint32_t round = 0; round < 400 && photo_supported(f); round++) {
			struct rng r = rng_at(3, RNG_TEST, round, f, 0);
			size_t n = round % 2 ? size : rng_below(&r, (uint32_t)size);
			uint8_t *copy = xmalloc(n);
			memcpy(copy, data, n);
			for (int k = 0; k < 3 && round % 2; k++)
				copy[12 + rng_below(&r, (uint32_t)n - 12)] = (uint8_t)rng_u32(&r);
			if (photo_decode(&im, copy, n, NULL) == 0)
				image_free(&im);
			else
				refused++;
			free(copy);
		}
		CHECK(!photo_supported(f) || refused > 150);
		free(data);
	}
}

/* An EXIF block with the orientation as its only entry. */
static size_t exif_of(uint8_t *b, int big, int orientation)
{
	static const uint8_t little_endian[] = "II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0",
	                     big_endian[] = "MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1";
	memset(b, 0, 26);
	memcpy(b, big ? big_endian : little_endian, 18);
	b[big ? 19 : 18] = (uint8_t)orientation;
	return 26;
}

static void orientations_are_read(void)
{
	static const uint8_t as_long[] = "MM\0*\0\0\0\x08\0\1\1\x12\0\4\0\0\0\1\0\0\0\6\0\0\0";
	uint8_t exif[32];
	CHECK(exif_orientation(as_long, sizeof as_long) == 6);
	for (int big = 0; big < 2; big++)
		for (int k = 0; k <= 9; k++) {
			size_t n = exif_of(exif, big, k);
			CHECK_NEAR(exif_orientation(exif, n), k >= 1 && k <= 8 ? k : 1, 0);
			for (size_t cut = 0; cut < 22; cut++)
				CHECK(exif_orientation(exif, cut) == 1);
		}
	for (uint32_t round = 0; round < 5000; round++) {
		struct rng r = rng_at(4, RNG_TEST, round, 0, 0);
		size_t n = exif_of(exif, round & 1, 6);
		for (int k = 0; k < 4; k++)
			exif[4 + rng_below(&r, (uint32_t)n - 4)] = (uint8_t)rng_u32(&r);
		uint8_t *copy = xmalloc(n);
		memcpy(copy, exif, n);
		int o = exif_orientation(copy, n);
		CHECK(o >= 1 && o <= 8);
		free(copy);
	}
}

static int write_ppm(const char *path)
{
	struct image im;
	struct bytes *p = bytes_open(path);
	size_t size = p ? (size_t)bytes_size(p) : 0;
	uint8_t *data = xmalloc(size);
	if (!p || bytes_read(p, 0, size, data) < 0 || photo_decode(&im, data, size, NULL) < 0) {
		fprintf(stderr, "%s: %s\n", path, fail_message());
		return 1;
	}
	printf("P6\n%d %d\n255\n", im.w, im.h);
	fwrite(im.rgb, 3, (size_t)im.w * (size_t)im.h, stdout);
	image_free(&im);
	free(data);
	bytes_close(p);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return write_ppm(argv[1]);
	RUN(formats_are_told_by_content);
	RUN(lossless_is_lossless);
	RUN(what_is_refused_is_named);
	RUN(damage_does_no_harm);
	RUN(orientations_are_read);
	return check_done();
}
