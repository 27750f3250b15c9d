/* Draws captions in a bitmap font of 5 x 8 pixels. */
#ifndef FD2_TEXT_H
#define FD2_TEXT_H
#include "lib/image/image.h"

enum { TEXT_WIDTH = 6, TEXT_HEIGHT = 8 }; /* of a character with the gap after it */

/* Draws UTF-8 text in black with its top left corner at (x, y), each pixel of the font scale x
 * scale pixels. Text that does not fit into `width` pixels is cut and ends in "..". Characters
 * outside of ASCII, which the font does not have, become boxes. */
void draw_text(struct image *im, int x, int y, int width, int scale, const char *text);
#endif
