#include "lib/fd2/sre2l.h"

#include <math.h>

#include "lib/base/rng.h"
#include "lib/fd2/methods.h"
#include "lib/image/image.h"

const struct method sre2l = {
    .name = "sre2l", .start = START_NOISE, .steps = 4000, .lr = 0.25, .r_bn = 0.01, .parts = 1, .sizes = {224}};

struct pixel_view step_view_random(int size, double min_scale, uint64_t seed, int first, int id, long step)
{
	struct rng r = rng_at(seed, RNG_DISTILL, (uint64_t)first, (uint32_t)id, (uint32_t)step);
	struct box box = random_resized_crop(&r, size, size, min_scale, 1, 3.0 / 4, 4.0 / 3);
	struct pixel_view v = {box.x, box.y, box.w, box.h};
	uint32_t rolls = (uint32_t)size / 7 + 1;
	v.flip = rng_uniform(&r) < 0.5;
	v.roll_y = (int)rng_below(&r, rolls);
	v.roll_x = (int)rng_below(&r, rolls);
	return v;
}

void sre2l_on_bn(void *ctx, const struct bn *bn, Tensor *mean, Tensor *var)
{
	struct bn_sum *sum = ctx;
	if (bn == sum->head)
		return;
	double m = loss_bn_weight(bn);
	Tensor *l = tensor_affine(loss_bn_layer(bn, mean, var, sum->form), m, 0);
	sum->loss = sum->loss ? tensor_add(sum->loss, l) : l;
	sum->weights += m;
}

Tensor *bn_sum_loss(const struct bn_sum *sum)
{
	if (!sum->loss)
		return tensor_full(0, T_F32, 0, NULL);
	return sum->form == BN_NORMALISED ? tensor_affine(sum->loss, BN_NORM / sum->weights, 0) : sum->loss;
}
