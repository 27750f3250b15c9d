/* The face of lib/photo: decodes photographs as people keep them, JPEG, PNG, WebP, AVIF. Only
 * fd2-import reads them all; shards hold JPEGs. photo_decode finds the format from the first bytes,
 * whatever the file's name says.
 *
 * All become 8-bit RGB as PIL's convert("RGB") makes it: alpha is dropped, palettes are looked up,
 * grey is repeated, CMYK is multiplied out, 16-bit samples keep their high byte (grey ones too,
 * which PIL clips), and colour profiles and gamma are ignored. The image is turned upright by its
 * EXIF orientation (an AVIF by its own rotation and mirror). An animation gives its first frame. */
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
/* Returns whether this build can decode the format. */
bool photo_supported(enum photo_format format);
/* Decodes a photograph. -1: fail_message ("a GIF image, which is not supported", "damaged PNG:
 * ...", "claims ..."), and nothing is allocated. Thread-safe. notes may be NULL. */
int photo_decode(struct image *im, const void *data, size_t size, struct image_notes *notes);

/* Returns w x h pixels of RGBA as RGB, dropping alpha. */
struct image image_without_alpha(const uint8_t *rgba, int w, int h);
int webp_decode(struct image *im, const void *data, size_t size, struct image_notes *notes);
int avif_decode(struct image *im, const void *data, size_t size, struct image_notes *notes);
#endif
