#include "lib/fd2/distill/methods.h"

#include <math.h>

#include "lib/base/err.h"

#define DECLARE(id, name) extern const struct method id;
#define ADDRESS(id, name) &id,
FD2_METHODS(DECLARE)
static const struct method *const methods[METHODS] = {FD2_METHODS(ADDRESS)};

const struct method *method_of(enum method_id id)
{
	return methods[id];
}

/* A size of those that are for `from` pixels, for `to` pixels; scaled to even numbers, which the
 * first convolution is fast with. */
static int scaled(int size, int from, int to)
{
	return from == to ? size : size == from ? to : 2 * (int)lround(size * to / (2.0 * from));
}

/* What the teacher, of `size` pixels, sees in each phase, and the images then. */
static void set_sizes(struct method *m, const struct method_config *config, int size)
{
	int image = config->image_size == OPT_UNSET ? size : (int)config->image_size;
	const struct opt_ints *given = &config->sizes;
	if (given->n)
		m->phases = given->n;
	for (int p = 0; p < m->phases; p++) {
		int seen = given->n ? (int)given->v[p] : scaled(m->sizes[p], 224, size);
		m->sizes[p] = seen;
		m->sides[p] = scaled(seen, size, image);
	}
	m->image_size = image;
}

static int set_residual(struct method *m, double residual)
{
	if (m->phases == 1)
		m->residual = 0;
	if (isnan(residual))
		return 0;
	if (!m->connect)
		return fail("--residual is not for %s, which does not mix in the initial image "
		            "between phases",
		    m->name);
	if (m->phases == 1)
		return fail("--residual is mixed in between phases, and there is one; give several "
		            "with --sizes");
	m->residual = residual;
	return 0;
}

static int refuse_several(const struct method *m, int teachers)
{
	const char *other = "none";
	for (int i = 0; i < METHODS; i++)
		if (methods[i]->several)
			other = methods[i]->name;
	return fail(
	    "%s has one teacher, and %d were given; %s takes several", m->name, teachers, other);
}

int method_configure(struct method *m, const struct method_config *config, int teachers, int size)
{
	*m = *method_of(config->method);
	if (teachers > 1 && !m->several)
		return refuse_several(m, teachers);
	m->bn_form = config->bn_form;
	if (config->start != START_UNSET)
		m->start = start_of(config->start);
	if (config->steps != OPT_UNSET)
		m->steps = config->steps;
	if (!isnan(config->lr))
		m->lr = config->lr;
	if (!isnan(config->r_bn))
		m->r_bn = config->r_bn;
	set_sizes(m, config, size);
	return set_residual(m, config->residual);
}
