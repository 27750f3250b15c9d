/* Changes of colour and a turn, as torchvision's ColorJitter and RandomRotation make them on
 * floating-point images. */
#ifndef FD2_JITTER_H
#define FD2_JITTER_H
#include "lib/base/rng.h"

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE, JITTERS };

/* How much may change: factors from [max(0, 1-x), 1+x], the hue by [-x, x] of its circle; the
 * angle by [-x, x] degrees. */
struct jitter_range {
	double amount[JITTERS], degrees;
};

/* The changes of one image; all zeros: none. */
struct jitter {
	float value[JITTERS];   /* factors; the hue's shift */
	uint8_t n;              /* how many of them are applied, */
	uint8_t order[JITTERS]; /* in this order */
	double angle;           /* degrees, counter-clockwise */
};

/* What the range allows; kinds whose amount is 0 are left out. */
struct jitter jitter_draw(struct rng *r, const struct jitter_range *range);
/* rgb [size][size][3] in [0, 1], in place: the colours, each change kept in [0, 1]; then the
 * rotation about the centre, nearest pixel, black outside of the image. */
void jitter_apply(float *rgb, int size, const struct jitter *j);
#endif
