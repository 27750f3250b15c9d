#include "lib/fd2/distill/step-view.h"

#include "lib/base/rng.h"
#include "lib/image/image.h"

struct pixel_view step_view_random(
    const struct view_rule *rule, int size, int first, int id, long step)
{
	struct rng r =
	    rng_at(rule->seed, RNG_DISTILL, (uint64_t)first, (uint32_t)id, (uint32_t)step);
	struct box box = random_resized_crop(&r, size, size, rule->min_scale, 1, 3.0 / 4, 4.0 / 3);
	struct pixel_view v = {box.x, box.y, box.w, box.h};
	uint32_t rolls = (uint32_t)size / 7 + 1;
	v.flip = rng_uniform(&r) < 0.5;
	v.roll_y = (int)rng_below(&r, rolls);
	v.roll_x = (int)rng_below(&r, rolls);
	return v;
}
