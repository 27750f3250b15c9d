/* PNG in and out. Linked into fd2-exchange alone, so that only it needs libpng. */
#ifndef FD2_PNG_H
#define FD2_PNG_H
#include "lib/image/image.h"

/* Alpha is left out, as PIL's convert("RGB") does. -1: fail_message ("not a PNG", "claims
 * 60000x60000 pixels, more than 64 Mpx", libpng's own), nothing allocated. */
int png_decode(struct image *im, const void *data, size_t size);
/* *data from malloc. 0 or -1. */
int png_encode(const struct image *im, uint8_t **data, size_t *size);
#endif
