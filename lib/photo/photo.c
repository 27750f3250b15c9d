#include "lib/photo/photo.h"

#include <string.h>

#include "formats/foreign.h"
#include "lib/base/err.h"
#include "lib/image/orientation.h"
#include "lib/image/png.h"

const char *const photo_names[PHOTO_FORMATS] = {"JPEG", "PNG", "WebP", "AVIF"};

/* An ISO file's box "ftyp": size, "ftyp", major brand, version, compatible brands. */
static bool is_avif(const uint8_t *b, size_t n)
{
	size_t end = n >= 16 && !memcmp(b + 4, "ftyp", 4) ? (size_t)b[2] << 8 | b[3] : 0;
	for (size_t at = 8; at + 4 <= end && at + 4 <= n; at += at == 8 ? 8 : 4)
		if (!memcmp(b + at, "avif", 4) || !memcmp(b + at, "avis", 4))
			return true;
	return false;
}

enum photo_format photo_format(const void *data, size_t size)
{
	const uint8_t *b = data;
	if (size >= 3 && !memcmp(b, "\xff\xd8\xff", 3))
		return PHOTO_JPEG;
	if (size >= 8 && !memcmp(b, "\x89PNG\r\n\x1a\n", 8))
		return PHOTO_PNG;
	if (size >= 12 && !memcmp(b, "RIFF", 4) && !memcmp(b + 8, "WEBP", 4))
		return PHOTO_WEBP;
	return is_avif(b, size) ? PHOTO_AVIF : PHOTO_OTHER;
}

bool photo_supported(enum photo_format format)
{
	switch (format) {
	case PHOTO_WEBP:
#ifdef HAVE_libwebpdemux
		return true;
#else
		return false;
#endif
	case PHOTO_AVIF:
#ifdef HAVE_libavif
		return true;
#else
		return false;
#endif
	default:
		return format != PHOTO_OTHER;
	}
}

struct image image_without_alpha(const uint8_t *rgba, int w, int h)
{
	struct image im = image_new(w, h);
	for (size_t i = 0, n = (size_t)w * (size_t)h; i < n; i++)
		memcpy(im.rgb + 3 * i, rgba + 4 * i, 3);
	return im;
}

static int refuse(enum photo_format format, const uint8_t *data, size_t size)
{
	const char *kind = foreign_format(data, size);
	if (format != PHOTO_OTHER)
		return fail("%s image, and this fd2 was built without lib%s",
		    format == PHOTO_WEBP ? "a WebP" : "an AVIF",
		    format == PHOTO_WEBP ? "webp" : "avif");
	if (!size)
		return fail("empty file");
	return kind ? fail("%s", kind) : fail("not an image that fd2 knows");
}

int photo_decode(struct image *im, const void *data, size_t size, struct image_notes *notes)
{
	struct image_notes unused;
	enum photo_format format = photo_format(data, size);
	notes = notes ? notes : &unused;
	*notes = (struct image_notes){.orientation = 1};
	if (!photo_supported(format))
		return refuse(format, data, size);
	switch (format) {
	case PHOTO_PNG:
		return png_decode(im, data, size, notes);
#ifdef HAVE_libwebpdemux
	case PHOTO_WEBP:
		return webp_decode(im, data, size, notes);
#endif
#ifdef HAVE_libavif
	case PHOTO_AVIF:
		return avif_decode(im, data, size, notes);
#endif
	default:
		return jpeg_decode_noting(im, data, size, 0, notes);
	}
}
