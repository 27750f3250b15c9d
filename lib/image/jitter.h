/* Changes of colour and a rotation, like torchvision's ColorJitter and RandomRotation on
 * floating-point images. */
#ifndef FD2_JITTER_H
#define FD2_JITTER_H
#include "lib/base/rng.h"

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE, JITTERS };

/* Ranges of the changes x: factors in [max(0, 1-x), 1+x], shift of the hue in [-x, x] of its
 * circle, angle in [-x, x] degrees. */
struct jitter_range {
	double amount[JITTERS], degrees;
};

/* The changes of one image; all zeros: none. */
struct jitter {
	float value[JITTERS];   /* factors; for HUE the shift */
	uint8_t n;              /* number of changes applied */
	uint8_t order[JITTERS]; /* their order */
	double angle;           /* degrees, counter-clockwise */
};

/* Draws changes from the range; leaves out kinds whose amount is 0. */
struct jitter jitter_draw(struct rng *r, const struct jitter_range *range);
/* Changes rgb [size][size][3] in [0, 1] in place: first the colours, clamped to [0, 1] after each
 * change; then the rotation about the centre, nearest pixel, black outside of the image. */
void jitter_apply(float *rgb, int size, const struct jitter *j);
#endif
