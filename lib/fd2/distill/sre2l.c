#include "lib/fd2/distill/sre2l.h"

#include <math.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"
#include "lib/fd2/distill/methods.h"
#include "lib/image/image.h"

const struct method sre2l = {.name = "sre2l",
    .start = START_NOISE,
    .steps = 4000,
    .lr = 0.25,
    .r_bn = 0.01,
    .parts = 1,
    .sizes = {224}};

struct pixel_view step_view_random(
    int size, double min_scale, uint64_t seed, int first, int id, long step)
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
	if (sum->n == BN_MAX)
		die("a network has more than %d BatchNorms", BN_MAX);
	sum->seen[sum->n++] = (struct bn_seen){bn, mean, var};
}

Tensor *bn_sum_loss(const struct bn_sum *sum)
{
	double weights = 0;
	if (!sum->n)
		return tensor_full(0, T_F32, 0, NULL);
	for (int l = 0; l < sum->n; l++)
		weights += loss_bn_weight(sum->seen[l].bn);
	Tensor *loss = loss_bn(sum->seen, sum->n, sum->form);
	return sum->form == BN_NORMALISED ? tensor_affine(loss, BN_NORM / weights, 0) : loss;
}
