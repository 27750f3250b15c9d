#ifndef FD2_PIXEL_VIEW_H
#define FD2_PIXEL_VIEW_H
#include <stdbool.h>

/* A crop, resized to the output (bilinear, half-pixel centres), flipped left to right if `flip`,
 * then rolled down and right. */
struct pixel_view {
	int x, y, w, h;
	bool flip;
	int roll_x, roll_y;
};
#endif
