#include "lib/fd2/student.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/fd2/losses.h"
#include "lib/nn/pretrained.h"

double student_lr(const char *arch)
{
	return strcmp(arch, "mobilenet_v2") ? 1e-3 : 2.5e-3;
}

int student_init(struct student *s, const struct student_plan *plan, const struct eval_job *job, int classes, int size, bool keep)
{
	struct arch_options o = {.classes = classes, .size = size, .last_stride = 2};
	*s = (struct student){.plan = plan, .lr = plan->lr < 0 ? student_lr(plan->arch) : plan->lr};
	scores_init(&s->now, classes);
	if (backbone_init(&s->net, plan->arch, &o, (uint64_t)plan->seed) < 0)
		return -1;
	if (job->init && pretrained_read(&s->net, job->init, s->init) < 0)
		return -1;
	s->optim = (struct optim){OPTIM_ADAMW, .weight_decay = job->weight_decay};
	optim_init(&s->optim, &s->net.params);
	if (keep) {
		s->kept = xcalloc(1, sizeof *s->kept);
		ema_init(s->kept, &s->net.params, 0); /* an average that forgets at once: a copy */
	}
	return 0;
}

void student_free(struct student *s)
{
	if (s->kept)
		ema_free(s->kept);
	free(s->kept);
	optim_free(&s->optim);
	backbone_free(&s->net);
	scores_free(&s->now);
}

/* --- learning --------------------------------------------------------------------------------------------------------------------
 */

static Tensor *loss_of(const struct lesson *l, const Tensor *logits, int first, int n)
{
	if (!l->teacher)
		return tensor_cross_entropy(logits, batch_labels(l->batch, first, n), l->job->label_smoothing);
	Tensor *teacher = tensor_from(l->teacher + (size_t)first * l->classes, T_F16, 2, (int64_t[]){n, l->classes});
	return loss_kl(logits, tensor_to(teacher, tensor_type(logits)), l->job->temperature);
}

/* Adds the gradients of samples first..first+n-1, the half-th part of the batch. */
static int learn(struct student *s, const struct lesson *l, int half, int first, int n)
{
	struct rng random = rng_at((uint64_t)s->plan->seed, RNG_DROPOUT, (uint64_t)l->epoch, (uint32_t)l->number, (uint32_t)half);
	struct pass pass = {.bn = BN_TRAIN, .random = &random};
	tensor_scope_begin(GRAD);
	Tensor *F = backbone_features(&s->net, batch_images(l->batch, first, n, arithmetic()), &pass);
	Tensor *loss = loss_of(l, backbone_logits(&s->net, F, &pass), first, n);
	int ok = optim_backward(&s->optim, tensor_affine(loss, 1.0 / l->parts, 0));
	s->loss += tensor_item(loss) * n;
	tensor_scope_end();
	return ok;
}

int student_step(struct student *s, const struct lesson *l, double lr)
{
	double start = elapsed();
	int n = l->batch->n, middle = n / l->parts;
	int ok = learn(s, l, 0, 0, middle);
	if (!ok && l->parts == 2)
		ok = learn(s, l, 1, middle, n - middle);
	if (!ok)
		optim_update(&s->optim, lr);
	s->seconds += elapsed() - start;
	return ok < 0 || tensor_error() ? fail("training failed: %s", tensor_error()) : 0;
}

/* --- what it has reached
 * -----------------------------------------------------------------------------------------------------------
 */

Tensor *student_logits(const struct student *s, const Tensor *x)
{
	struct pass pass = {.bn = BN_RUNNING};
	return backbone_logits(&s->net, backbone_features(&s->net, x, &pass), &pass);
}

void student_compare(struct student *s, int e)
{
	if (s->best_epoch && s->now.hits.top1 <= s->best.top1)
		return;
	s->best = s->now.hits;
	s->best_epoch = e;
	if (s->kept)
		ema_update(s->kept, e);
}
