#include "lib/fd2/distill/bn-loss.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/distill/flatness.h"
#include "lib/fd2/distill/method.h"
#include "lib/torch/start.h"

void bn_statistics_add(void *statistics, const struct bn *bn, Tensor *mean, Tensor *var)
{
	struct bn_statistics *s = statistics;
	if (s->n == s->capacity) {
		s->capacity = s->capacity ? 2 * s->capacity : 64;
		s->v = xrealloc(s->v, (size_t)s->capacity, sizeof *s->v);
	}
	s->v[s->n++] = (struct bn_seen){bn, mean, var};
}

/* scale: of the distances; NULL for 1 */
static Tensor *distance(const Tensor *u, const Tensor *v, const Tensor *scale)
{
	Tensor *d = tensor_sum(tensor_norm(tensor_sub(u, v), 1, false), 0, NULL, false);
	return scale ? tensor_div(d, scale) : d;
}

Tensor *loss_bn_layer(const struct bn *bn, const Tensor *mean, const Tensor *var, enum bn_form form)
{
	Tensor *sigma = NULL, *sigma2 = NULL;
	if (form == BN_NORMALISED) {
		sigma = tensor_sqrt(tensor_sum(bn->var, 0, NULL, false));
		sigma2 = tensor_norm(bn->var, 0, false);
	}
	return tensor_add(distance(mean, bn->mean, sigma), distance(var, bn->var, sigma2));
}

/* m_l */
static double weight(const struct bn *bn)
{
	return bn->index ? 1 : 10;
}

/* sum_l m_l d_l as one operation. */
static Tensor *fused_sum(const struct bn_statistics *s, enum bn_form form)
{
	struct bn_distance *layers = xcalloc((size_t)s->n, sizeof *layers);
	for (int l = 0; l < s->n; l++)
		layers[l] = (struct bn_distance){s->v[l].mean, s->v[l].var, s->v[l].bn->mean,
		    s->v[l].bn->var, weight(s->v[l].bn)};
	Tensor *loss = tensor_bn_distances(layers, s->n, form == BN_NORMALISED);
	free(layers);
	return loss;
}

static Tensor *weighted_sum(const struct bn_statistics *s, enum bn_form form)
{
	Tensor *loss = NULL;
	if (torch_on_gpu() && tensor_type(s->v->mean) == T_F32)
		return fused_sum(s, form);
	for (const struct bn_seen *v = s->v; v < s->v + s->n; v++) {
		Tensor *layer =
		    tensor_affine(loss_bn_layer(v->bn, v->mean, v->var, form), weight(v->bn), 0);
		loss = loss ? tensor_add(loss, layer) : layer;
	}
	return loss;
}

Tensor *loss_bn(const struct bn_statistics *s, enum bn_form form)
{
	double weights = 0;
	if (!s->n)
		return tensor_full(0, T_F32, 0, NULL);
	for (int l = 0; l < s->n; l++)
		weights += weight(s->v[l].bn);
	Tensor *loss = weighted_sum(s, form);
	return form == BN_NORMALISED ? tensor_affine(loss, BN_NORM / weights, 0) : loss;
}

static Tensor *matching(const struct method *m, const struct step_pass *p, struct terms *t)
{
	if (!layer_match_is_plain(&m->match))
		return layer_matching(m, p, t);
	/* the groups' distances are summed, and a term is the mean over the indices */
	Tensor *loss = loss_bn(p->statistics, m->bn_form);
	return terms_add(t, "bn", tensor_affine(loss, m->r_bn / p->indices, 0));
}

Tensor *bn_matching(const struct method *m, const struct step_pass *p, struct terms *t)
{
	Tensor *loss = matching(m, p, t);
	return m->flatness > 0 ? tensor_add(loss, flatness(m, p, t)) : loss;
}
