/* The start "noise": normalised pixels from a standard normal distribution, as in SRe2L. */
#include "lib/base/rng.h"
#include "lib/fd2/distill/initial.h"

static int noise(const struct initial *s, const struct start_use *u, float *out, int k, int nth)
{
	(void)u;
	struct rng r = rng_at(s->seed, RNG_PATCH, (uint64_t)k, (uint32_t)nth, 0);
	for (int i = 0; i < 3 * s->size * s->size; i++)
		out[i] = (float)rng_normal(&r);
	return 0;
}

const struct start start_noise = {.name = "noise", .image = noise};
