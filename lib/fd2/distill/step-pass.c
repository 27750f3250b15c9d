#include "lib/fd2/distill/step.h"

#include "lib/fd2/batch/batch.h"
#include "lib/fd2/distill/phases.h"

static void add_bn(void *ctx, const struct bn *bn, Tensor *mean, Tensor *var)
{
	struct learning *g = ctx;
	bn_statistics_add(&g->statistics, bn, mean, var);
}

static void add_conv(void *ctx, const struct conv *conv, const Tensor *x)
{
	struct learning *g = ctx;
	conv_statistics_add(&g->convs, conv, x, g->batch->indices);
}

struct step_pass step_pass(const struct learner *l, struct learning *g, int turn)
{
	struct step_pass p = {.teacher = &l->teachers->v[turn],
	    .turn = turn,
	    .indices = g->batch->indices,
	    .first = g->batch->first,
	    .classes = g->batch->n,
	    .labels = g->labels,
	    .x = g->x,
	    .views = g->views,
	    .size = phase_size(l->method, g->phase),
	    .statistics = &g->statistics,
	    .convs = &g->convs,
	    .moving = &g->moving[turn],
	    .smooth = g->smooth};
	const struct layer_match *match = &l->method->match;
	struct pass pass = {.bn = BN_RUNNING,
	    .groups = match->classes == CLASSES_EACH ? p.indices * p.classes : p.indices,
	    .on_bn = add_bn,
	    .on_conv = match->layers == LAYERS_ALL ? add_conv : NULL,
	    .ctx = g};
	const struct teacher *t = p.teacher->teacher;
	g->statistics.n = g->convs.n = 0;
	p.seen = step_view(p.x, p.views, &p.size, arithmetic());
	p.F = backbone_features(&t->backbone, p.seen, &pass);
	p.p_bb = backbone_logits(&t->backbone, p.F, &pass);
	if (l->constraints)
		p.A = constraints_attention(l->constraints, t, p.F, &pass);
	return p;
}

void step_allocate(const struct learner *l, struct learning *g)
{
	double momentum = l->method->match.momentum;
	if (l->method->flatness > 0)
		g->smooth = replace_tensor(g->smooth, tensor_clone(tensor_detach(g->x)));
	if (momentum <= 0)
		return;
	for (int t = 0; t < l->teachers->n; t++) {
		g->moving[t].momentum = momentum;
		g->terms.n = 0;
		tensor_scope_begin(NO_GRAD);
		struct step_pass p = step_pass(l, g, t);
		layer_term(l->method, &p, &g->terms);
		tensor_scope_end();
		moving_allocated(&g->moving[t]);
	}
}
