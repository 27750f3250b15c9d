#include "lib/fd2/distill/constraints.h"

#include "lib/fd2/teacher/losses.h"

Tensor *constraints_attention(const struct constraints_config *c, const struct teacher *t,
    const Tensor *F, const struct pass *pass)
{
	struct pass head = *pass;
	head.on_conv = NULL;
	if (!c->bn_head)
		head.on_bn = NULL;
	return cal_attention(&t->cal, F, &head);
}

static void add_terms(struct terms *t, Tensor *cls, Tensor *F, Tensor *S)
{
	terms_add(t, "cls", cls);
	terms_add(t, "F", F);
	terms_add(t, "S", S);
}

void constraints_off(struct terms *t)
{
	add_terms(t, NULL, NULL, NULL);
}

Tensor *constraints_loss(const struct constraints_config *c, const struct step_pass *p,
    Tensor *base, Tensor *ce, Tensor *S, struct terms *t)
{
	const struct distill_teacher *teacher = p->teacher;
	Tensor *z = bilinear_attention_pooling(p->F, p->A);
	Tensor *p_raw = cal_logits(&teacher->teacher->cal, z);
	Tensor *cls = loss_cls(p->p_bb, p_raw, p->labels, teacher->alpha), *F = NULL;
	if (!c->no_lf)
		F = loss_F(z, teacher->prototypes, p->labels, c->beta, c->lf_negatives);
	add_terms(t, cls, F, S);
	Tensor *other = c->other == OTHER_FULL ? tensor_add(base, ce) : base;
	double weight_S = c->ls_weight < 0 ? 1 - c->lambda : c->ls_weight;
	return loss_total(other, cls, F, S, c->lambda, weight_S);
}
