/* EXIF's orientation: how a camera was held. Decoders turn photographs upright, so all other code
 * can ignore it. */
#ifndef FD2_ORIENTATION_H
#define FD2_ORIENTATION_H
#include "lib/image/image.h"

/* Returns the orientation, 1 to 8, from the n bytes of an EXIF block (a TIFF header and its first
 * directory, perhaps after "Exif\0\0"). 1 if there is none, or it cannot be read. */
int exif_orientation(const uint8_t *exif, size_t n);
/* Turns the image upright, like PIL's ImageOps.exif_transpose; 5 to 8 swap its sides. */
void image_upright(struct image *im, int orientation);
#endif
