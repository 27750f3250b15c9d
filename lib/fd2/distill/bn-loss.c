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

Tensor *statistics_distance(const struct mean_var *seen, const struct mean_var *target,
    const Tensor *sigma2, enum bn_form form,
    Tensor *(*reduce)(const Tensor *t, int n, const int *dims, bool keepdim))
{
	Tensor *off_mean = tensor_norm(tensor_sub(seen->mean, target->mean), 1, false),
	       *off_var = tensor_norm(tensor_sub(seen->var, target->var), 1, false);
	off_mean = reduce(off_mean, 0, NULL, false);
	off_var = reduce(off_var, 0, NULL, false);
	if (form == BN_NORMALISED) {
		off_mean = tensor_div(off_mean, tensor_sqrt(tensor_sum(sigma2, 0, NULL, false)));
		off_var = tensor_div(off_var, tensor_norm(sigma2, 0, false));
	}
	return tensor_add(off_mean, off_var);
}

Tensor *loss_bn_layer(const struct bn *bn, const Tensor *mean, const Tensor *var, enum bn_form form)
{
	return statistics_distance(&(struct mean_var){mean, var},
	    &(struct mean_var){bn->mean, bn->var}, bn->var, form, tensor_sum);
}

double layer_weight(int index)
{
	return index ? 1 : 10;
}

/* Returns sum_l m_l d_l, computed as one operation. */
static Tensor *fused_sum(const struct bn_statistics *s, enum bn_form form)
{
	struct bn_distance *layers = xcalloc((size_t)s->n, sizeof *layers);
	for (int l = 0; l < s->n; l++)
		layers[l] = (struct bn_distance){s->v[l].mean, s->v[l].var, s->v[l].bn->mean,
		    s->v[l].bn->var, layer_weight(s->v[l].bn->index)};
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
		Tensor *layer = tensor_affine(
		    loss_bn_layer(v->bn, v->mean, v->var, form), layer_weight(v->bn->index), 0);
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
		weights += layer_weight(s->v[l].bn->index);
	Tensor *loss = weighted_sum(s, form);
	return form == BN_NORMALISED ? tensor_affine(loss, BN_NORM / weights, 0) : loss;
}

static Tensor *plain_term(const struct method *m, const struct step_pass *p, struct terms *t)
{
	/* loss_bn sums over the groups, but a term is the mean over the indices */
	Tensor *loss = loss_bn(p->statistics, m->bn_form);
	return terms_add(t, "bn", tensor_affine(loss, m->r_bn / p->indices, 0));
}

Tensor *bn_term(const struct method *m, const struct step_pass *p, struct terms *t)
{
	Tensor *loss = layer_match_is_plain(&m->match) ? plain_term(m, p, t) : layer_term(m, p, t);
	return m->flatness > 0 ? tensor_add(loss, flatness_term(m, p, t)) : loss;
}
