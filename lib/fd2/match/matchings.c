#include "lib/fd2/match/matchings.h"

#include <math.h>

#define DECLARE(id) extern const struct matching matching_##id;
#define ADDRESS(id) &matching_##id,
FD2_MATCHINGS(DECLARE)
static const struct matching *const matchings[MATCHINGS] = {FD2_MATCHINGS(ADDRESS)};

const struct matching *matching_of(enum matching_id id)
{
	return matchings[id];
}

struct matching matching_configure(const struct matching_config *config, long ipc)
{
	struct matching m = *matchings[config->method];
	(void)ipc;
	if (config->iterations != OPT_UNSET)
		m.iterations = config->iterations;
	if (!isnan(config->lr))
		m.lr = config->lr;
	return m;
}

int matching_depth(const struct matching_config *config, int size)
{
	int depth = DEPTH_LEAST;
	if (config->depth != DEPTH_UNSET)
		return config->depth;
	while (depth < DEPTH_MOST && size >> (depth + 1) >= 4)
		depth++;
	return depth;
}
