/* Stage 6: plain backbones trained on the distilled images alone, and their accuracy on held-out
 * ones (fd2-method(7), STUDENTS). Several students learn from the same batches, each of which is
 * read, decoded and rendered once. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/student/evaluation.h"
#include "lib/fd2/batch/validate.h"
#include "lib/fd2/stage.h"

static bool stops(const struct evaluation *r)
{
	return r->checkpoint.path && stop_asked();
}

static int count_students(void *ctx, const Tensor *x, const int64_t *labels)
{
	struct evaluation *r = ctx;
	for (int i = 0; i < r->config->n_students; i++) {
		struct student *s = &r->students[i];
		double start = elapsed();
		scores_count(&s->now, student_logits(s, x), labels);
		s->seconds += elapsed() - start;
	}
	return stops(r) ? STOPPED : 0;
}

int evaluation_measure(struct evaluation *r, const struct dataset *d)
{
	for (int i = 0; i < r->config->n_students; i++)
		scores_clear(&r->students[i].now);
	return validate(
	    d, r->labels.size, &r->labels.normal, r->config->in.fast_val, count_students, r);
}

static void swap_kept(struct evaluation *r)
{
	for (int i = 0; i < r->config->n_students; i++)
		ema_swap(r->students[i].kept);
}

/* The weights of the best validations. */
static int measure_kept_weights(struct evaluation *r)
{
	swap_kept(r);
	int err = evaluation_measure(r, &r->test);
	swap_kept(r);
	for (int i = 0; i < r->config->n_students && !err; i++)
		r->students[i].best = r->students[i].now.hits;
	return err;
}

/* With --test: measures the weights of the best validation, then the last ones. Without it the last
 * epoch has measured them, but for a run that was stopped after it. */
static int measure_finally(struct evaluation *r)
{
	if (!r->config->in.test.n)
		return r->students->now.hits.n ? 0 : evaluation_measure(r, &r->val);
	int err = measure_kept_weights(r);
	return err ? err : evaluation_measure(r, &r->test);
}

/* In epoch e, from 0. */
static double rate(const struct evaluation *r, const struct student *s, int e)
{
	if (r->config->learning.schedule == SCHEDULE_STEP)
		return 2 * e < r->epochs ? s->lr : s->lr / 10;
	return lr_cosine(s->lr, e, r->epochs, 0, r->config->learning.zeta);
}

static int teach(struct evaluation *r, int e, const struct lesson *l)
{
	if (l->n / l->parts < 2 && r->epoch.batches > 1)
		return 0; /* the last batch is too small for batch statistics */
	for (int k = 0; k < r->config->n_students; k++) {
		struct student *s = &r->students[k];
		if (student_step(s, l, rate(r, s, e)) < 0)
			return -1;
	}
	return 0;
}

int evaluation_train_batch(struct evaluation *r, int e, int i)
{
	epoch_render(&r->epoch, i, &r->batch, &r->images, &r->labels.normal);
	tensor_scope_begin(NO_GRAD);
	struct lesson l = evaluation_lesson(r, e, i);
	int err = teach(r, e, &l);
	tensor_scope_end();
	return err;
}

/* The largest central square of each image, without a flip. */
static void view_whole(struct epoch *e, const struct dataset *d)
{
	for (int i = 0; i < e->n; i++) {
		struct view *v = &e->views[i];
		v->box = view_square(&d->v[v->image].image).box;
		v->flip = false;
	}
}

/* The next epoch's views: from the labels, or drawn here. 0 when the labels have ended. */
int evaluation_next_epoch(struct evaluation *r, long e)
{
	if (!r->labels.stream) {
		struct view_draw how = {r->labels.size, r->config->own.min_scale, r->config->seed};
		epoch_draw(&r->epoch, &r->images, &how, NULL, e);
		if (r->config->own.no_augment || r->config->own.siamese)
			view_whole(&r->epoch, &r->images);
		return 1;
	}
	int got = r->config->in.reuse_labels
	              ? pool_next(&r->pool, &r->epoch)
	              : epoch_read(&r->epoch, r->labels.stream, e, &r->images, r->labels.size);
	r->label_bytes =
	    r->config->in.reuse_labels ? r->pool.bytes : r->label_bytes + epoch_bytes(&r->epoch);
	return got;
}

/* After the last epoch an end record must follow, which shows that the labels are complete. */
static int labels_end(struct evaluation *r)
{
	if (!r->labels.stream)
		return 0;
	if (r->config->in.reuse_labels)
		return pool_end(&r->pool);
	return r->epochs < r->labels.epochs ? 0 : label_set_end(&r->labels);
}

static const char *loss_name(const struct evaluation *r)
{
	return !r->labels.stream ? "ce" : r->config->learning.soft_loss == SOFT_MSE ? "mse" : "kl";
}

/* Every student's loss in epoch e, and its accuracy where that was measured. */
static void log_epoch(const struct evaluation *r, int e, bool measured)
{
	for (int i = 0; i < r->config->n_students; i++) {
		const struct student *s = &r->students[i];
		double loss = student_loss(s), lr = rate(r, s, e - 1);
		json_t *event =
		    json_pack("{s:s, s:i, s:i, s:f, s:{s:o}}", "event", "epoch", "student", i,
		        "epoch", e, "lr", lr, "loss", loss_name(r), json_real_or_null(loss));
		if (measured) {
			json_object_set_new(event, "top1", json_real(hits_top1(&s->now.hits)));
			json_object_set_new(event, "top5", json_real(hits_top5(&s->now.hits)));
			json_object_set_new(event, "ece", json_real_or_null(scores_ece(&s->now)));
			json_object_set_new(event, "nll", json_real_or_null(scores_nll(&s->now)));
			chat("epoch %4d  %s, seed %ld  loss %.4f  top-1 %5.2f %%  top-5 %5.2f %%",
			    e, s->plan->arch, s->plan->seed, loss, 100 * hits_top1(&s->now.hits),
			    100 * hits_top5(&s->now.hits));
		}
		log_event(event);
	}
}

/* Labels are read in order: those of finished epochs are skipped. */
static int pass_over(struct evaluation *r)
{
	int got = 1;
	for (int e = 0; e < r->done && r->labels.stream && got > 0; e++) {
		got = evaluation_next_epoch(r, e);
		progress_note("skipping the labels of epoch %d of %d", e + 1, r->done);
	}
	return got > 0 ? 0 : got < 0 ? -1 : fail("the labels end before epoch %d", r->done);
}

/* A signal that stops a pipeline ends the labels too: the state of training is as good as before.
 */
static int no_labels(const struct evaluation *r)
{
	if (!stops(r))
		return -1;
	chat("%s", fail_message());
	return STOPPED;
}

static int train_epoch(struct evaluation *r)
{
	int got = evaluation_next_epoch(r, r->done);
	if (got <= 0) {
		if (!got)
			fail("the labels end after epoch %d of %d", r->done, r->epochs);
		return no_labels(r);
	}
	for (int i = 0; i < r->config->n_students && !r->batches_done; i++) {
		r->students[i].loss = 0;
		r->students[i].samples = 0;
	}
	while (r->batches_done < r->epoch.batches) {
		if (stops(r))
			return STOPPED;
		if (checkpoint_due(&r->checkpoint) && evaluation_save(r) < 0)
			return -1;
		if (evaluation_train_batch(r, r->done, r->batches_done++) < 0)
			return -1;
		progress_note(
		    "epoch %d: batch %d of %d", r->done + 1, r->batches_done, r->epoch.batches);
	}
	for (int i = 0; i < r->config->n_students; i++)
		if (student_settle(&r->students[i]) < 0)
			return -1;
	return 0;
}

static void show_progress(const struct evaluation *r)
{
	const struct student *s = r->students;
	double loss = student_loss(s);
	if (s->now.hits.n)
		progress_at(
		    r->done, "loss %.4f  top-1 %.1f %%", loss, 100 * hits_top1(&s->now.hits));
	else
		progress_at(r->done, "loss %.4f", loss);
}

static int end_epoch(struct evaluation *r)
{
	int number = r->done + 1;
	long every = r->val_every, save = r->config->out.checkpoint_every;
	bool due = number == r->epochs || (every && number % every == 0);
	int err = due ? evaluation_measure(r, &r->val) : 0;
	if (err)
		return err;
	for (int i = 0; due && i < r->config->n_students; i++)
		student_compare(&r->students[i], number);
	log_epoch(r, number, due);
	r->done = number;
	r->batches_done = 0;
	show_progress(r);
	bool saves = r->checkpoint.path && save && number % save == 0 && number < r->epochs;
	return saves ? evaluation_save(r) : 0;
}

static int train(struct evaluation *r)
{
	progress_start(r->config->n_students > 1 ? "students" : "student", "epochs", r->epochs);
	int err = pass_over(r);
	if (r->checkpoint.path)
		stop_defer();
	r->checkpoint.saved = elapsed();
	while (r->done < r->epochs && !err) {
		err = train_epoch(r);
		if (!err)
			err = end_epoch(r);
	}
	progress_end();
	if (!err && labels_end(r) < 0)
		err = no_labels(r);
	if (!err && !r->students->optim.step) /* a share of labels may be of last batches alone */
		err = fail("no step was taken: BatchNorm needs two images in each half of a batch, "
		           "and no batch of the labels has them");
	return err;
}

static int publish(struct evaluation *r)
{
	log_costs(r);
	if (save_student(r) < 0 || print_report(r) < 0 || print_results(r) < 0)
		return -1;
	checkpoint_remove(&r->checkpoint);
	return 0;
}

static int evaluate(struct evaluation *r)
{
	int err = train(r);
	if (!err)
		err = measure_finally(r);
	if (err)
		return err == STOPPED ? evaluation_stop(r) : -1;
	return publish(r);
}

static void evaluation_free(struct evaluation *r)
{
	label_set_close(&r->labels);
	for (int i = 0; r->students && i < r->config->n_students; i++)
		student_free(&r->students[i]);
	free(r->students);
	free(r->trained);
	checkpoint_free(&r->checkpoint);
	tensor_free(r->x);
	tensor_free(r->teacher);
	tensor_free(r->targets);
	batch_free(&r->batch);
	epoch_free(&r->epoch);
	pool_free(&r->pool);
	dataset_free(&r->images);
	dataset_free(&r->val);
	dataset_free(&r->test);
}

int stage_eval(const struct eval_config *config)
{
	struct evaluation r = {.config = config};
	int err = evaluation_prepare(&r);
	if (!err)
		err = evaluation_tell_plan(&r);
	if (!err && !config->dry_run)
		err = evaluate(&r);
	evaluation_free(&r);
	return err < 0 ? -1 : 0;
}

STAGE(stage_eval)
