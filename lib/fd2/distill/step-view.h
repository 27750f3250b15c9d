/* The random view through which a step sees the images of an index. */
#ifndef FD2_STEP_VIEW_H
#define FD2_STEP_VIEW_H
#include <stdint.h>

#include "lib/kernels/pixel-view.h"
#include "lib/torch/tensor.h"

struct view_rule {
	double min_scale; /* smallest share of the image's area in a crop */
	int roll;         /* largest roll in each direction, in pixels of 224 */
	uint64_t seed;
};

/* Side of the images, and of what the teacher sees of them. */
struct view_size {
	int image, seen;
};
/* Returns the view of `step` that images `id` of all classes share in the batch whose first class
 * is `first`: RandomResizedCrop, flip, and a roll in each direction (SRe2L++, Cui et al. 2025: 0 ..
 * 32 pixels at 224). */
struct pixel_view step_view_random(
    const struct view_rule *rule, const struct view_size *s, int first, int id, long step);
/* Returns images [N,3,image,image] f32 through such views: [N,3,seen,seen] in `type`. Images larger
 * than the seen size are sampled at a multiple of it and then averaged over squares, so that each
 * pixel counts, whatever the crop. */
Tensor *step_view(
    const Tensor *x, const Tensor *views, const struct view_size *s, enum scalar type);
#endif
