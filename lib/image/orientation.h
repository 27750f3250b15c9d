/* EXIF's orientation: how a camera was held. Photographs are turned upright when they are decoded,
 * so nothing behind the decoders knows of it. */
#ifndef FD2_ORIENTATION_H
#define FD2_ORIENTATION_H
#include "lib/image/image.h"

/* The orientation, 1 to 8, from the n bytes of an EXIF block (a TIFF header and its first
 * directory; "Exif\0\0" may stand in front). 1 where there is none, or it cannot be read. */
int exif_orientation(const uint8_t *exif, size_t n);
/* Turns the image upright, as PIL's ImageOps.exif_transpose does; 5 to 8 swap its sides. */
void image_upright(struct image *im, int orientation);
#endif
