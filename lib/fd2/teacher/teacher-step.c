/* A step of training: Backbone+CAL by Eq. 8, prototypes updated online by Eq. 5. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/base/rng.h"
#include "lib/fd2/teacher/cal-augment.h"
#include "lib/fd2/teacher/losses.h"
#include "lib/fd2/teacher/training.h"
#include "lib/nn/weights.h"

static int count_results(void *ctx, Reading *left, int batch);

int step_init(struct training *t)
{
	int batch = (int)t->config->schedule.batch, size = (int)t->config->network.size;
	t->type = arithmetic();
	t->late = (struct late){count_results, t};
	batch_init(&t->batch, batch, size);
	if (t->config->loss.cal_augment)
		t->guided = xcalloc(2 * (size_t)batch, 3 * (size_t)size * size * sizeof *t->guided);
	return 0;
}

void step_free(struct training *t)
{
	late_free(&t->late);
	batch_free(&t->batch);
	free(t->guided);
	free(t->order);
}

/* One pass of a batch. */
struct step {
	struct rng random; /* of dropout */
	struct pass pass;
	Tensor *labels;
	struct teacher_out o;
	Tensor *center;
};

static Tensor *effect(const struct training *t, const struct teacher_out *o, bool guided)
{
	struct rng r =
	    rng_at(t->config->seed, RNG_ATTENTION, (uint64_t)t->epoch, (uint32_t)t->step, guided);
	return teacher_effect(&t->teacher, o, counterfactual_attention(o->A, &r));
}

/* Returns the loss of Eq. 6, or CAL's own form with attention-guided crops and drops. */
static Tensor *loss_of_cal(struct training *t, struct step *s)
{
	const struct teacher_loss *loss = &t->config->loss;
	Tensor *p_eff = effect(t, &s->o, false);
	if (!loss->cal_augment)
		return loss_cal(
		    s->o.p_raw, p_eff, s->labels, s->center, loss->eta, loss->smoothing);
	struct batch *b = &t->batch;
	if (cal_augment(t->guided, b->pixels, tensor_detach(s->o.A), b->size, t->config->seed,
	        t->epoch, t->step) < 0)
		return NULL;
	struct pass pass = {.bn = BN_TRAIN,
	    .dropout_mask = backbone_dropout_mask(&t->teacher.backbone, 2 * b->n, &s->random)};
	struct teacher_out o =
	    teacher_forward(&t->teacher, images_from(t->guided, 2 * b->n, b->size, t->type), &pass);
	return loss_cal_augmented(s->o.p_raw, p_eff, o.p_raw, effect(t, &o, true), s->labels,
	    s->center, loss->eta, loss->smoothing);
}

static void update_prototypes(struct training *t, const struct step *s)
{
	bool paper = t->config->loss.center_update == CENTER_PAPER;
	(paper ? prototypes_update : prototypes_update_cal)(
	    t->teacher.cal.prototypes, tensor_detach(s->o.z), t->batch.labels, t->config->loss.mu);
}

/* Returns loss and center term, then the logits [n,K] of both branches, as one f32 [2 + 2 n K]. */
static Tensor *results_of(const Tensor *loss, const struct step *s)
{
	const Tensor *of[] = {loss, s->center, s->o.p_bb, s->o.p_raw};
	Tensor *flat[4];
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < 4; i++)
		flat[i] = tensor_to(tensor_reshape(of[i], 1, (int64_t[]){-1}), T_F32);
	Tensor *all = tensor_keep(tensor_cat(flat, 4, 0));
	tensor_scope_end();
	return all;
}

/* Computes the gradients of a batch and updates the prototypes. Returns the results to be read;
 * NULL: tensor_error. */
static Tensor *learn(struct training *t)
{
	const struct teacher_loss *config = &t->config->loss;
	struct batch *b = &t->batch;
	struct step s = {.pass.bn = BN_TRAIN};
	s.random = rng_at(t->config->seed, RNG_DROPOUT, (uint64_t)t->epoch, (uint32_t)t->step, 0);
	tensor_scope_begin(GRAD);
	s.pass.dropout_mask = backbone_dropout_mask(&t->teacher.backbone, b->n, &s.random);
	s.labels = batch_labels(b, 0, b->n);
	s.o = teacher_forward(&t->teacher, batch_images(b, 0, b->n, t->type), &s.pass);
	s.center = loss_center(s.o.z, t->teacher.cal.prototypes, s.labels);
	Tensor *loss =
	    loss_pre(s.o.p_bb, loss_of_cal(t, &s), s.labels, config->alpha, config->smoothing);
	int err = optim_backward(&t->optim, loss);
	update_prototypes(t, &s);
	Tensor *results = err ? NULL : tensor_keep(results_of(loss, &s));
	tensor_scope_end();
	return results;
}

/* Returns the number of images in a step. */
static int size_of(const struct training *t, long step)
{
	long n = t->train.n - step * t->config->schedule.batch;
	return (int)(n < t->config->schedule.batch ? n : t->config->schedule.batch);
}

long steps_of_epoch(const struct training *t)
{
	long batch = t->config->schedule.batch;
	return t->train.n / batch + (t->train.n % batch > 1);
}

/* Names the tensor that is not finite, afterwards, since a step must not wait for the device. */
static int not_finite(struct training *t, long step, const float *logits, int64_t n)
{
	const char *tensor = weights_not_finite(&t->teacher.backbone.params);
	for (int64_t i = 0; i < 2 * n && !tensor; i++)
		if (!isfinite(logits[i]))
			tensor = i < n ? "logits of the backbone" : "logits of CAL";
	return fail(
	    "the loss%s%s%s not finite in epoch %ld, step %ld of %ld; try a smaller --lr, or "
	    "--clip%s%s%s",
	    tensor ? " and tensor '" : "", tensor ? tensor : "", tensor ? "' are" : " is",
	    t->epoch + 1, step + 1, steps_of_epoch(t),
	    checkpoint_exists(&t->checkpoint) ? "; '" : "",
	    checkpoint_exists(&t->checkpoint) ? t->checkpoint.path : "",
	    checkpoint_exists(&t->checkpoint) ? "' has the last state that was saved" : "");
}

static int count_results(void *ctx, Reading *left, int step)
{
	struct training *t = ctx;
	long first = step * t->config->schedule.batch;
	int n = size_of(t, step), K = t->teacher.classes;
	float *v = xcalloc(2 + 2 * (size_t)n * (size_t)K, sizeof *v);
	int err = tensor_read_end(left, v) < 0 ? fail("training failed: %s", tensor_error()) : 0;
	if (!err && !isfinite(v[0]))
		err = not_finite(t, step, v + 2, (int64_t)n * K);
	t->sums.loss += v[0] * (double)n;
	t->sums.center += v[1] * (double)n;
	for (int branch = 0; branch < BRANCHES && !err; branch++)
		for (int i = 0; i < n; i++)
			hits_add(&t->sums.hits[branch],
			    v + 2 + (size_t)(branch * n + i) * (size_t)K, K,
			    t->train.v[t->order[first + i]].label);
	free(v);
	if (!err)
		progress_at((t->epoch - t->first) * t->train.n + first + n, "epoch %ld  loss %.3f",
		    t->epoch + 1, t->sums.loss / (double)t->sums.hits[BACKBONE].n);
	return err;
}

static void fill(struct training *t)
{
	long first = t->step * t->config->schedule.batch;
	batch_clear(&t->batch);
	for (long i = first; i < first + size_of(t, t->step); i++) {
		const struct item *it = &t->train.v[t->order[i]];
		struct view v = view_random(&it->image, (int)t->config->network.size,
		    &t->config->augment, t->config->seed, t->epoch, t->order[i]);
		batch_add(&t->batch, t->train.v, &v);
	}
	(t->config->loss.cal_augment ? batch_render_on_cpu : batch_render)(
	    &t->batch, &t->teacher.normal);
}

void step_begin_epoch(struct training *t)
{
	struct rng r = rng_at(t->config->seed, RNG_SHUFFLE, (uint64_t)t->epoch, 0, 0);
	uint32_t n = (uint32_t)t->train.n;
	t->order = xrealloc(t->order, n, sizeof *t->order);
	rng_order(&r, t->order, n);
}

double rate_at(const struct training *t, long step)
{
	const struct teacher_schedule *s = &t->config->schedule;
	long batches = (t->train.n + s->batch - 1) / s->batch;
	double time = (double)(t->epoch - t->first) + (double)step / (double)batches;
	return s->kind == TEACHER_SCHEDULE_EXP
	           ? lr_exponential(s->lr, time)
	           : lr_cosine(s->lr, time, (double)s->epochs, s->warmup, 1);
}

int step_take(struct training *t)
{
	fill(t);
	tensor_scope_begin(NO_GRAD);
	Tensor *results = learn(t);
	int err = results ? 0 : -1;
	if (!err) {
		optim_next(&t->optim, rate_at(t, t->step));
		optim_update(&t->optim);
	}
	if (!err && t->config->sgd.ema > 0)
		ema_update(&t->ema, t->optim.step);
	if (err || tensor_error())
		err = fail("training failed: %s", tensor_error());
	if (!err)
		err = late_next(&t->late, results, T_F32, tensor_numel(results), (int)t->step);
	tensor_scope_end();
	t->step++;
	return err;
}

int step_settle(struct training *t)
{
	return late_end(&t->late);
}
