#include "lib/fd2/sre2l.h"

#include "lib/base/rng.h"
#include "lib/fd2/losses.h"

struct step_view step_view_random(int size, double min_scale, uint64_t seed, int first, int id, long step)
{
	struct rng r = rng_at(seed, RNG_DISTILL, (uint64_t)first, (uint32_t)id, (uint32_t)step);
	struct step_view v = {.box = random_resized_crop(&r, size, size, min_scale, 1, 3.0 / 4, 4.0 / 3)};
	uint32_t rolls = (uint32_t)size / 7 + 1;
	v.flip = rng_uniform(&r) < 0.5;
	v.roll_y = (int)rng_below(&r, rolls);
	v.roll_x = (int)rng_below(&r, rolls);
	return v;
}

/* The crop is never larger than the image, so there is nothing to antialias. */
Tensor *step_view_apply(const struct step_view *v, const Tensor *x, enum scalar type)
{
	struct pixel_view view = {v->box.x, v->box.y, v->box.w, v->box.h, v->flip, v->roll_x, v->roll_y};
	return tensor_step_view(x, &view, type);
}

void sre2l_on_bn(void *ctx, const struct bn *bn, Tensor *mean, Tensor *var)
{
	struct bn_sum *sum = ctx;
	if (bn == sum->head)
		return;
	Tensor *l = loss_bn_layer(bn, mean, var);
	sum->loss = sum->loss ? tensor_add(sum->loss, l) : l;
}

Tensor *bn_sum_loss(const struct bn_sum *sum)
{
	return sum->loss ? sum->loss : tensor_full(0, T_F32, 0, NULL);
}
