/* The face of lib/photo: photographs as people keep them, JPEG, PNG, WebP, AVIF. Only fd2-import
 * reads them all; shards hold JPEGs. photo_decode finds the format from the first bytes, whatever
 * the file's name says.
 *
 * All become 8-bit RGB as PIL's convert("RGB") makes it: alpha is dropped, palettes are looked up,
 * grey is repeated, CMYK is multiplied out, of 16 bits the high byte is kept (of 16-bit grey, too,
 * which PIL clips), colour profiles and gamma are left alone. The image is turned upright by its
 * EXIF orientation (of an AVIF: its own rotation and mirror). Of an animation it is the first
 * frame. */
#ifndef FD2_PHOTO_H
#define FD2_PHOTO_H
#include "lib/image/image.h"

enum photo_format {
	PHOTO_JPEG,
	PHOTO_PNG,
	PHOTO_WEBP,
	PHOTO_AVIF,
	PHOTO_FORMATS,
	PHOTO_OTHER = -1
};
extern const char *const photo_names[PHOTO_FORMATS]; /* "JPEG" ... */

enum photo_format photo_format(const void *data, size_t size);
/* Whether this build has the format's library. */
bool photo_supported(enum photo_format format);
/* -1: fail_message ("a GIF image, which is not supported", "damaged PNG: ...", "claims ..."),
 * nothing allocated. Thread-safe. notes may be NULL. */
int photo_decode(struct image *im, const void *data, size_t size, struct image_notes *notes);

/* RGB of w x h pixels of RGBA. */
struct image image_without_alpha(const uint8_t *rgba, int w, int h);
int webp_decode(struct image *im, const void *data, size_t size, struct image_notes *notes);
int avif_decode(struct image *im, const void *data, size_t size, struct image_notes *notes);
#endif
