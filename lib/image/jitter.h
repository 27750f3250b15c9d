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

/* What changes of one image. */
struct jitter {
	double value[JITTERS]; /* factors; the hue's shift */
	int order[JITTERS];
	double angle; /* degrees, counter-clockwise */
};

/* Draws nothing where the range is all 0. */
struct jitter jitter_draw(struct rng *r, const struct jitter_range *range);
/* rgb [size][size][3] in [0, 1], in place: colours in the drawn order, each kept in [0, 1]; then
 * the turn about the centre, nearest pixel, black where there is none. Of a range of 0 nothing
 * is done. */
void jitter_apply(float *rgb, int size, const struct jitter *j, const struct jitter_range *range);
#endif
