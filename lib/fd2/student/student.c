#include "lib/fd2/student/student.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/fd2/teacher/losses.h"
#include "lib/nn/pretrained.h"
#include "lib/nn/weights.h"

static int add_losses(void *ctx, Reading *lost, int batch);

static const double momentum = 0.9; /* of SGD */

/* Pretrained weights learn at a fifth: on 150 photographs with soft labels, a MobileNetV2 with
 * ImageNet's weights reaches 85 % at 0.0005, but 51 % at the 0.0025 for random weights. */
static double default_lr(const struct arch *arch, const struct student_learning *how)
{
	double lr = how->optimizer == OPTIMIZER_SGD ? how->sgd_lr
	            : arch->student_lr > 0          ? arch->student_lr
	                                            : 1e-3;
	return lr * (how->init ? 0.2 : 1);
}

int student_init(struct student *s, const struct student_plan *plan,
    const struct student_learning *how, const char *const *class_names, int classes, int size,
    bool keep)
{
	struct arch_options o = {.classes = classes, .size = size, .last_stride = 2};
	*s = (struct student){.plan = plan, .late = {add_losses, s}};
	scores_init(&s->now, classes);
	if (backbone_init(&s->net, plan->arch, &o, (uint64_t)plan->seed) < 0)
		return -1;
	s->lr = plan->lr < 0 ? default_lr(s->net.arch, how) : plan->lr;
	struct pretrained from = {.classes = class_names};
	if (how->init && pretrained_read(&s->net, how->init, &from) < 0)
		return -1;
	strcpy(s->init, from.digest);
	s->optim = how->optimizer == OPTIMIZER_SGD
	               ? (struct optim){OPTIM_SGD, .momentum = momentum,
	                     .weight_decay = how->weight_decay, .decay_all = true}
	               : (struct optim){OPTIM_ADAMW, .weight_decay = how->weight_decay};
	optim_init(&s->optim, &s->net.params);
	s->lost = tensor_full(0, T_F32, 1, (int64_t[]){2});
	if (!(s->replay = replay_new()))
		return fail("out of memory");
	if (keep) {
		s->kept = xcalloc(1, sizeof *s->kept);
		ema_init(s->kept, &s->net.params, 0); /* decay 0: the average is a copy */
	}
	return 0;
}

void student_free(struct student *s)
{
	if (s->kept)
		ema_free(s->kept);
	free(s->kept);
	for (int half = 0; half < 2; half++)
		tensor_free(s->keep[half]);
	tensor_free(s->lost);
	replay_free(s->replay);
	late_free(&s->late);
	optim_free(&s->optim);
	backbone_free(&s->net);
	scores_free(&s->now);
}

static Tensor *part(const Tensor *t, const struct lesson *l, int half)
{
	return t ? tensor_narrow(t, 0, half ? half_size(l->n, l->parts, 0) : 0,
	               half_size(l->n, l->parts, half))
	         : NULL;
}

/* Draws a dropout mask for a half of the batch. */
static Tensor *draw_keep(struct student *s, const struct lesson *l, int half)
{
	struct rng r = rng_at((uint64_t)s->plan->seed, RNG_DROPOUT, (uint64_t)l->epoch,
	    (uint32_t)l->number, (uint32_t)half);
	Tensor *keep = backbone_dropout_mask(&s->net, half_size(l->n, l->parts, half), &r);
	return l->again ? tensor_to_static(&s->keep[half], keep) : keep;
}

static Tensor *soft_loss(
    const struct student_learning *how, const Tensor *student, const Tensor *teacher)
{
	return how->soft_loss == SOFT_KL ? loss_kl(student, teacher, how->temperature)
	                                 : loss_mse(student, teacher);
}

static Tensor *loss_of(const struct lesson *l, const Tensor *logits, int half)
{
	const struct student_learning *how = l->how;
	if (l->soft)
		return loss_soft(logits, part(l->soft, l, half));
	Tensor *ce =
	    l->labels ? tensor_cross_entropy(logits, part(l->labels, l, half), how->label_smoothing)
	              : NULL;
	if (!l->teacher)
		return ce;
	Tensor *soft =
	    soft_loss(how, logits, tensor_to(part(l->teacher, l, half), tensor_type(logits)));
	return ce ? tensor_add(soft, tensor_affine(ce, how->ce_weight, 0)) : soft;
}

struct learning {
	struct student *student;
	const struct lesson *lesson;
	Tensor *keep[2];
};

/* Adds the gradients of a half of the batch. */
static int learn(const struct learning *k, int half)
{
	struct student *s = k->student;
	const struct lesson *l = k->lesson;
	struct pass pass = {.bn = BN_TRAIN, .dropout_mask = k->keep[half]};
	tensor_scope_begin(GRAD);
	Tensor *F = backbone_features(&s->net, part(l->x, l, half), &pass);
	Tensor *loss = loss_of(l, backbone_logits(&s->net, F, &pass), half);
	int err = optim_backward(&s->optim, tensor_affine(loss, 1.0 / l->parts, 0));
	tensor_copy_(tensor_narrow(s->lost, 0, half, 1), tensor_detach(loss));
	tensor_scope_end();
	return err;
}

/* Nothing here may wait for the device. */
static int learn_batch(void *ctx)
{
	const struct learning *k = ctx;
	struct optim *o = &k->student->optim;
	int err = learn(k, 0);
	if (!err && k->lesson->parts == 2)
		err = learn(k, 1);
	if (!err)
		optim_update(o);
	else
		optim_drop(o);
	return err < 0 || tensor_error() ? fail("training failed: %s", tensor_error()) : 0;
}

/* Names the tensor afterwards, since the step must not wait for the device. */
static int not_finite(const struct student *s, int batch)
{
	const char *tensor = weights_not_finite(&s->net.params);
	return fail(
	    "the loss of %s, seed %ld,%s%s%s not finite in epoch %d, batch %d; try a smaller "
	    "--lr",
	    s->plan->arch, s->plan->seed, tensor ? " and tensor '" : "", tensor ? tensor : "",
	    tensor ? "' are" : " is", s->epoch + 1, batch + 1);
}

static int add_losses(void *ctx, Reading *lost, int batch)
{
	struct student *s = ctx;
	double v[2];
	if (tensor_read_end(lost, v) < 0)
		return fail("training failed: %s", tensor_error());
	for (int half = 0; half < 2; half++)
		if (s->halves[half] && !isfinite(v[half]))
			return not_finite(s, batch);
	for (int half = 0; half < 2; half++)
		if (s->halves[half])
			s->loss += v[half] * s->halves[half];
	s->samples += s->halves[0] + s->halves[1];
	return 0;
}

int student_step(struct student *s, const struct lesson *l, double lr)
{
	double start = elapsed();
	struct learning k = {s, l, {NULL}};
	tensor_scope_begin(NO_GRAD);
	for (int half = 0; half < l->parts; half++)
		k.keep[half] = draw_keep(s, l, half);
	optim_next(&s->optim, lr);
	int err = l->again ? replay_take(s->replay, learn_batch, &k) : learn_batch(&k);
	if (!err)
		err = late_next(&s->late, s->lost, T_F64, 2, l->number);
	for (int half = 0; half < 2; half++)
		s->halves[half] = half < l->parts ? half_size(l->n, l->parts, half) : 0;
	s->epoch = l->epoch;
	tensor_scope_end();
	s->seconds += elapsed() - start;
	return err;
}

int student_settle(struct student *s)
{
	double start = elapsed();
	int err = late_end(&s->late);
	s->seconds += elapsed() - start;
	return err;
}

double student_loss(const struct student *s)
{
	return s->loss / (double)s->samples;
}

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
