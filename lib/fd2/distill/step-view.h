/* The random view through which a step sees the images of an index. */
#ifndef FD2_STEP_VIEW_H
#define FD2_STEP_VIEW_H
#include <stdint.h>

#include "lib/kernels/pixel-view.h"

struct view_rule {
	double min_scale; /* smallest share of the image's area that a crop has */
	uint64_t seed;
};

/* The view of `step` for image `id` of the batch of classes that starts with class `first`, one
 * for all of them: RandomResizedCrop, flip, and a roll of 0 .. size/7 pixels (32 at 224) in each
 * direction (SRe2L++, Cui et al. 2025). */
struct pixel_view step_view_random(
    const struct view_rule *rule, int size, int first, int id, long step);
#endif
