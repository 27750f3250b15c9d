/* Reads and writes PNGs. Only fd2-exchange and fd2-import link with it and need libpng. */
#ifndef FD2_PNG_H
#define FD2_PNG_H
#include "lib/image/image.h"

/* Decodes to 8-bit RGB like PIL's convert("RGB") (lib/photo/photo.h), turned upright by the EXIF
 * orientation. -1: fail_message ("not a PNG", "claims 60000x60000 pixels, more than 64 Mpx",
 * "damaged PNG: ..." with libpng's own message), nothing allocated. */
int png_decode(struct image *im, const void *data, size_t size, struct image_notes *notes);
/* Encodes a PNG. *data is from malloc. 0 or -1. */
int png_encode(const struct image *im, uint8_t **data, size_t *size);
#endif
