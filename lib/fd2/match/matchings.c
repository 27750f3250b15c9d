#include "lib/fd2/match/matchings.h"

#include <math.h>

#include "lib/base/err.h"

#define DECLARE(id) extern const struct matching matching_##id;
#define ADDRESS(id) &matching_##id,
FD2_MATCHINGS(DECLARE)
static const struct matching *const matchings[MATCHINGS] = {FD2_MATCHINGS(ADDRESS)};

Tensor *class_photographs(const struct class_pass *p, int first)
{
	return siamese_apply(p->augment, tensor_to(real_part(p->real, first), tensor_type(p->x)));
}

const struct matching *matching_of(enum matching_id id)
{
	return matchings[id];
}

/* The defaults are those of DC's program at 1, 10 and 50 images per class. */
static void set_rounds(struct matching *m, const struct matching_config *config, long ipc)
{
	m->rounds = m->gradients ? ipc : 1;
	m->epochs = ipc == 1 ? 1 : ipc <= 10 ? 50 : ipc <= 500 ? 500 / ipc : 1;
	if (config->rounds != OPT_UNSET)
		m->rounds = config->rounds;
	if (config->epochs != OPT_UNSET)
		m->epochs = config->epochs;
	if (m->rounds == 1)
		m->epochs = 0;
}

/* Rejects training options if no network is trained. */
static int check_training(const struct matching *m)
{
	const char *of_training = opt_changed("inner")    ? "inner"
	                          : opt_changed("lr-net") ? "lr-net"
	                                                  : NULL;
	if (m->rounds > 1 || !of_training)
		return 0;
	return m->gradients ? fail("--%s is for training between rounds, and there is one round; "
	                           "give several with --outer",
	                          of_training)
	                    : fail("--%s is not for %s, whose networks are not trained",
	                          of_training, m->name);
}

int matching_configure(struct matching *m, const struct matching_config *config, long ipc)
{
	*m = *matchings[config->method];
	if (config->iterations != OPT_UNSET)
		m->iterations = config->iterations;
	if (!isnan(config->lr))
		m->lr = config->lr;
	if (!m->gradients && (config->rounds != OPT_UNSET || config->epochs != OPT_UNSET))
		return fail("--outer and --inner are not for %s, %s", m->name,
		    m->kind == BY_CLASS ? "whose networks are not trained" : "which has no rounds");
	set_rounds(m, config, ipc);
	if (m->kind == ALONG_TRAJECTORIES)
		return trajectory_configure(&m->trajectory, &config->trajectory, ipc);
	return check_training(m);
}
