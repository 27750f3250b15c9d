#include "lib/fd2/distill/step-view.h"

#include "lib/base/rng.h"
#include "lib/image/image.h"
#include "lib/torch/functional.h"
#include "lib/torch/pixels.h"

/* Returns the samples along each side of a seen pixel; rolls are counted in samples. */
static int samples(const struct view_size *s)
{
	return (s->image + s->seen - 1) / s->seen;
}

struct pixel_view step_view_random(
    const struct view_rule *rule, const struct view_size *s, int first, int id, long step)
{
	struct rng r =
	    rng_at(rule->seed, RNG_DISTILL, (uint64_t)first, (uint32_t)id, (uint32_t)step);
	struct box box =
	    random_resized_crop(&r, s->image, s->image, rule->min_scale, 1, 3.0 / 4, 4.0 / 3);
	struct pixel_view v = {box.x, box.y, box.w, box.h};
	uint32_t rolls = (uint32_t)(s->seen * rule->roll / 224) + 1;
	v.flip = rng_uniform(&r) < 0.5;
	v.roll_y = samples(s) * (int)rng_below(&r, rolls);
	v.roll_x = samples(s) * (int)rng_below(&r, rolls);
	return v;
}

Tensor *step_view(const Tensor *x, const Tensor *views, const struct view_size *s, enum scalar type)
{
	int k = samples(s), size = k * s->seen;
	if (k == 1)
		return tensor_step_view(x, views, size, size, type);
	Tensor *fine = tensor_step_view(x, views, size, size, T_F32);
	return tensor_to(tensor_avg_pool2d(fine, k, k, 0), type);
}
