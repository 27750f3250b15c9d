/* Captions: a bitmap font of 5 x 8 pixels. */
#ifndef FD2_TEXT_H
#define FD2_TEXT_H
#include "lib/image/image.h"

enum { TEXT_WIDTH = 6, TEXT_HEIGHT = 8 }; /* of a character with the gap behind it */

/* Writes UTF-8 in black with its top left corner at (x, y), each pixel of the font scale x scale
 * pixels. What does not fit into `width` pixels is left out and ends in "..". A character that the
 * font does not have, that is, all but ASCII's, is a box. */
void draw_text(struct image *im, int x, int y, int width, int scale, const char *text);
#endif
