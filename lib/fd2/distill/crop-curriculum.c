#include "lib/fd2/distill/crop-curriculum.h"

#include <math.h>

/* Returns the share of the way to min_scale that is left after a share `t` of the steps up to the
 * milestone. */
static double left(enum curriculum curriculum, double t)
{
	switch (curriculum) {
	case CURRICULUM_STEP:
		return 1;
	case CURRICULUM_LINEAR:
		return 1 - t;
	case CURRICULUM_COSINE:
		return (1 + cos(M_PI * t)) / 2;
	default:
		return 0;
	}
}

double crop_curriculum_at(const struct crop_curriculum *c, long step, long steps)
{
	double end = c->milestone * (double)steps;
	double way = (double)step < end ? left(c->curriculum, (double)step / end) : 0;
	return c->min_scale + (1 - c->min_scale) * way;
}
