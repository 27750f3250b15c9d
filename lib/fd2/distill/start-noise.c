/* The start "noise": standard normal in normalised pixels, as SRe2L draws it. */
#include "lib/base/rng.h"
#include "lib/fd2/distill/initial.h"

static int noise(struct initial *s, float *out, int k, int id)
{
	struct rng r = rng_at(s->seed, RNG_PATCH, (uint64_t)k, (uint32_t)id, 0);
	for (int i = 0; i < 3 * s->teacher->size * s->teacher->size; i++)
		out[i] = (float)rng_normal(&r);
	return 0;
}

const struct start start_noise = {.name = "noise", .image = noise};
