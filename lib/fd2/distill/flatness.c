#include "lib/fd2/distill/flatness.h"

#include "lib/fd2/batch/batch.h"
#include "lib/fd2/distill/method.h"
#include "lib/fd2/teacher/losses.h"

static const double temperature = 4, decay = 0.99;

static Tensor *logits_of_average(const struct step_pass *p)
{
	const struct backbone *b = &p->teacher->teacher->backbone;
	struct pass pass = {.bn = BN_RUNNING};
	tensor_scope_begin(NO_GRAD);
	Tensor *seen = step_view(p->smooth, p->views, &p->size, arithmetic());
	Tensor *logits = tensor_keep(backbone_logits(b, backbone_features(b, seen, &pass), &pass));
	tensor_mul_(p->smooth, decay);
	tensor_add_(p->smooth, tensor_detach(p->x), 1 - decay);
	tensor_scope_end();
	return logits;
}

Tensor *flatness_term(const struct method *m, const struct step_pass *p, struct terms *t)
{
	Tensor *kl = loss_kl(p->p_bb, logits_of_average(p), temperature);
	double classes = (double)tensor_size(p->p_bb, 1);
	return terms_add(t, "flat", tensor_affine(kl, m->flatness / classes, 0));
}
