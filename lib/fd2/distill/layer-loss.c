#include "lib/fd2/distill/layer-loss.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/distill/method.h"

bool layer_match_is_plain(const struct layer_match *m)
{
	return m->classes == CLASSES_NONE && m->layers == LAYERS_BN && !m->momentum;
}

bool layer_match_needs_statistics(const struct layer_match *m)
{
	return m->layers == LAYERS_ALL || (m->classes != CLASSES_NONE && m->share > 0);
}

void conv_statistics_add(
    struct conv_statistics *s, const struct conv *conv, const Tensor *x, int groups)
{
	if (s->n == s->capacity) {
		s->capacity = s->capacity ? 2 * s->capacity : 64;
		s->v = xrealloc(s->v, (size_t)s->capacity, sizeof *s->v);
	}
	struct conv_seen *v = &s->v[s->n++];
	v->conv = conv;
	tensor_batch_stats(x, groups, &v->seen[STAT_MEAN], &v->seen[STAT_VAR]);
	patch_statistics(x, groups, &v->seen[STAT_PATCH_MEAN], &v->seen[STAT_PATCH_VAR]);
}

/* Returns mean and variance of groups [I*n,C] joined over the indices (dim 0), [n,C], or over the
 * classes (dim 1), [I,C]. */
static struct mean_var joined(const struct mean_var *s, int dim, const struct step_pass *p)
{
	int64_t shape[] = {p->indices, p->classes, tensor_size(s->mean, 1)};
	Tensor *mean = tensor_reshape(s->mean, 3, shape), *var = tensor_reshape(s->var, 3, shape);
	Tensor *centre = tensor_mean(mean, 1, &dim, true), *off = tensor_sub(mean, centre);
	return (struct mean_var){tensor_mean(mean, 1, &dim, false),
	    tensor_mean(tensor_add(var, tensor_mul(off, off)), 1, &dim, false)};
}

/* Returns statistic `which` of the classes of the batch [n,C], or with `mean` their mean [C]. */
static Tensor *of_classes(
    const struct target *t, enum statistic which, const struct step_pass *p, bool mean)
{
	Tensor *mine = tensor_narrow(t->of_class[which], 0, p->first, p->classes);
	return mean ? tensor_mean(mine, 1, (int[]){0}, false) : mine;
}

/* Returns d for statistic `which`, a mean, and its variance, `which` + 1. images: `seen` has a
 * group for each image, otherwise for each index. */
static Tensor *statistic_distance(const struct method *m, const struct step_pass *p,
    const struct target *t, const struct mean_var *seen, enum statistic which, bool images)
{
	const struct layer_match *how = &m->match;
	const struct mean_var all = {t->all[which], t->all[which + 1]};
	bool mine = how->classes != CLASSES_NONE && t->of_class[which];
	double share = mine ? how->share : 0;
	struct mean_var batch = images ? joined(seen, 1, p) : *seen;
	Tensor *d = NULL, *own = NULL;
	if (share < 1) {
		d = statistics_distance(&batch, &all, all.var, m->bn_form, tensor_mean);
		d = tensor_affine(d, 1 - share, 0);
	}
	if (share > 0) {
		struct mean_var of = images ? joined(seen, 0, p) : batch,
		                classes = {of_classes(t, which, p, !images),
		                    of_classes(t, which + 1, p, !images)};
		own = statistics_distance(&of, &classes, all.var, m->bn_form, tensor_mean);
		own = tensor_affine(own, share, 0);
	}
	return !own ? d : d ? tensor_add(d, own) : own;
}

/* Sums over the layers. */
struct sum {
	Tensor *loss;   /* NULL: nothing */
	double weights; /* sum of m_l */
	int n;          /* index of the next moving average */
};

static void add_layer(struct sum *sum, const struct method *m, const struct step_pass *p,
    const struct target *t, Tensor *const *seen, bool conv, double weight)
{
	bool images = !conv && m->match.classes == CLASSES_EACH;
	int statistics = conv ? STATISTICS : STAT_PATCH_MEAN;
	for (int which = 0; which < statistics; which += 2) {
		struct mean_var average;
		average.mean = moving_average(p->moving, sum->n++, seen[which]);
		average.var = moving_average(p->moving, sum->n++, seen[which + 1]);
		Tensor *d =
		    tensor_affine(statistic_distance(m, p, t, &average, which, images), weight, 0);
		sum->loss = sum->loss ? tensor_add(sum->loss, d) : d;
	}
	sum->weights += weight;
}

static Tensor *term(const struct method *m, const struct sum *sum, double weights)
{
	bool normalised = m->bn_form == BN_NORMALISED;
	double by = m->r_bn * (normalised ? BN_NORM / weights : 1);
	return sum->loss ? tensor_affine(sum->loss, by, 0) : tensor_full(0, T_F32, 0, NULL);
}

Tensor *layer_term(const struct method *m, const struct step_pass *p, struct terms *t)
{
	const struct targets *g = &p->teacher->targets;
	struct sum bn = {0}, conv = {0};
	bool convs = m->match.layers == LAYERS_ALL;
	moving_step(p->moving);
	for (int i = 0; i < p->statistics->n; i++) {
		const struct bn_seen *v = &p->statistics->v[i];
		Tensor *seen[] = {(Tensor *)v->mean, (Tensor *)v->var};
		add_layer(&bn, m, p, &g->bn[v->bn->index], seen, false,
		    convs ? 1 : layer_weight(v->bn->index));
	}
	if (!convs)
		return terms_add(t, "bn", term(m, &bn, bn.weights));
	conv.n = bn.n;
	for (int i = 0; i < p->convs->n; i++) {
		const struct conv_seen *v = &p->convs->v[i];
		add_layer(&conv, m, p, &g->conv[v->conv->index], v->seen, true,
		    layer_weight(v->conv->index));
	}
	double weights = bn.weights + conv.weights;
	Tensor *of_convs = terms_add(t, "conv", term(m, &conv, weights));
	return tensor_add(terms_add(t, "bn", term(m, &bn, weights)), of_convs);
}
