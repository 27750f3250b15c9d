/* The random view through which a step sees the images of an index. */
#ifndef FD2_STEP_VIEW_H
#define FD2_STEP_VIEW_H
#include <stdint.h>

#include "lib/kernels/pixel-view.h"
#include "lib/torch/tensor.h"

struct view_rule {
	double min_scale; /* smallest share of the image's area that a crop has */
	int roll;         /* largest in each direction, in pixels of 224 */
	uint64_t seed;
};

/* Sides of the images and of what is seen of them. */
struct view_size {
	int image, seen;
};
/* The view of `step` for image `id` of the batch of classes that starts with class `first`, one
 * for all of them: RandomResizedCrop, flip, and a roll in each direction (SRe2L++, Cui et al.
 * 2025: of 0 .. 32 pixels at 224). */
struct pixel_view step_view_random(
    const struct view_rule *rule, const struct view_size *s, int first, int id, long step);
/* Images [N,3,image,image] f32 through such views: [N,3,seen,seen] in `type`. An image that is
 * larger than it is seen is sampled at a multiple of the size, of which squares are averaged, so
 * that each of its pixels counts, whatever the crop. */
Tensor *step_view(
    const Tensor *x, const Tensor *views, const struct view_size *s, enum scalar type);
#endif
