/* Stage 6: trains plain backbones on the distilled images alone and measures their accuracy on
 * held-out ones (fd2-method(7), STUDENTS). Several students learn from the same batches, so each
 * batch is read, decoded and rendered once. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/student/evaluation.h"
#include "lib/fd2/batch/validate.h"
#include "lib/fd2/stage.h"

static bool stops(const struct evaluation *ev)
{
	return ev->checkpoint.path && stop_asked();
}

static int count_students(void *ctx, const Tensor *x, const int64_t *labels)
{
	struct evaluation *ev = ctx;
	for (int i = 0; i < ev->config->n_students; i++) {
		struct student *s = &ev->students[i];
		double start = elapsed();
		scores_count(&s->now, student_logits(s, x), labels);
		s->seconds += elapsed() - start;
	}
	return stops(ev) ? STOPPED : 0;
}

int evaluation_measure(struct evaluation *ev, const struct dataset *d)
{
	for (int i = 0; i < ev->config->n_students; i++)
		scores_clear(&ev->students[i].now);
	return validate(
	    d, ev->labels.size, &ev->labels.normal, ev->config->in.fast_val, count_students, ev);
}

static void swap_kept(struct evaluation *ev)
{
	for (int i = 0; i < ev->config->n_students; i++)
		ema_swap(ev->students[i].kept);
}

/* Measures the weights of the best validations on --test. */
static int measure_kept_weights(struct evaluation *ev)
{
	swap_kept(ev);
	int err = evaluation_measure(ev, &ev->test);
	swap_kept(ev);
	for (int i = 0; i < ev->config->n_students && !err; i++)
		ev->students[i].best = ev->students[i].now.hits;
	return err;
}

/* With --test: measures the weights of the best validation, then the last ones. Without it the last
 * epoch has measured them already, unless the run was stopped after it. */
static int measure_finally(struct evaluation *ev)
{
	if (!ev->config->in.test.n)
		return ev->students->now.hits.n ? 0 : evaluation_measure(ev, &ev->val);
	int err = measure_kept_weights(ev);
	return err ? err : evaluation_measure(ev, &ev->test);
}

/* Returns the learning rate in epoch e, counted from 0. */
static double rate(const struct evaluation *ev, const struct student *s, int e)
{
	if (ev->config->learning.schedule == STUDENT_SCHEDULE_STEP)
		return 2 * e < ev->epochs ? s->lr : s->lr / 10;
	return lr_cosine(s->lr, e, ev->epochs, 0, ev->config->learning.zeta);
}

static int teach(struct evaluation *ev, int e, const struct lesson *l)
{
	if (l->n / l->parts < 2 && ev->epoch.batches > 1)
		return 0; /* the last batch is too small for batch statistics */
	for (int k = 0; k < ev->config->n_students; k++) {
		struct student *s = &ev->students[k];
		if (student_step(s, l, rate(ev, s, e)) < 0)
			return -1;
	}
	return 0;
}

int evaluation_train_batch(struct evaluation *ev, int e, int i)
{
	epoch_render(&ev->epoch, i, &ev->batch, &ev->images, &ev->labels.normal);
	tensor_scope_begin(NO_GRAD);
	struct lesson l = evaluation_lesson(ev, e, i);
	int err = teach(ev, e, &l);
	tensor_scope_end();
	return err;
}

/* Sets each view to its image's largest central square, without a flip. */
static void view_whole(struct epoch *e, const struct dataset *d)
{
	for (int i = 0; i < e->n; i++) {
		struct view *v = &e->views[i];
		v->box = view_square(&d->v[v->image].image).box;
		v->flip = false;
	}
}

int evaluation_next_epoch(struct evaluation *ev, long e)
{
	if (!ev->labels.stream) {
		struct view_draw how = {
		    ev->labels.size, ev->config->own.min_scale, ev->config->seed};
		epoch_draw(&ev->epoch, &ev->images, &how, NULL, e);
		if (ev->config->own.no_augment || ev->config->own.siamese)
			view_whole(&ev->epoch, &ev->images);
		return 1;
	}
	int got = ev->config->in.reuse_labels
	              ? pool_next(&ev->pool, &ev->epoch)
	              : epoch_read(&ev->epoch, ev->labels.stream, e, &ev->images, ev->labels.size);
	ev->label_bytes = ev->config->in.reuse_labels ? ev->pool.bytes
	                                              : ev->label_bytes + epoch_bytes(&ev->epoch);
	return got;
}

/* Checks that an end record follows the last epoch, which shows that the labels are complete. */
static int labels_end(struct evaluation *ev)
{
	if (!ev->labels.stream)
		return 0;
	if (ev->config->in.reuse_labels)
		return pool_end(&ev->pool);
	return ev->epochs < ev->labels.epochs ? 0 : label_set_end(&ev->labels);
}

static const char *loss_name(const struct evaluation *ev)
{
	return !ev->labels.stream                           ? "ce"
	       : ev->config->learning.soft_loss == SOFT_MSE ? "mse"
	                                                    : "kl";
}

/* Logs every student's loss in epoch e, and its accuracy if it was measured. */
static void log_epoch(const struct evaluation *ev, int e, bool measured)
{
	for (int i = 0; i < ev->config->n_students; i++) {
		const struct student *s = &ev->students[i];
		double loss = student_loss(s), lr = rate(ev, s, e - 1);
		json_t *event =
		    json_pack("{s:s, s:i, s:i, s:f, s:{s:o}}", "event", "epoch", "student", i,
		        "epoch", e, "lr", lr, "loss", loss_name(ev), json_real_or_null(loss));
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

/* Skips the labels of finished epochs, since a stream is read in order. */
static int pass_over(struct evaluation *ev)
{
	int got = 1;
	for (int e = 0; e < ev->done && ev->labels.stream && got > 0; e++) {
		got = evaluation_next_epoch(ev, e);
		progress_note("skipping the labels of epoch %d of %d", e + 1, ev->done);
	}
	return got > 0 ? 0 : got < 0 ? -1 : fail("the labels end before epoch %d", ev->done);
}

/* Returns STOPPED if a signal came: one that stops a pipeline ends the labels too, but the state of
 * training is still good. -1 otherwise. */
static int no_labels(const struct evaluation *ev)
{
	if (!stops(ev))
		return -1;
	chat("%s", fail_message());
	return STOPPED;
}

static int train_epoch(struct evaluation *ev)
{
	int got = evaluation_next_epoch(ev, ev->done);
	if (got <= 0) {
		if (!got)
			fail("the labels end after epoch %d of %d", ev->done, ev->epochs);
		return no_labels(ev);
	}
	for (int i = 0; i < ev->config->n_students && !ev->batches_done; i++) {
		ev->students[i].loss = 0;
		ev->students[i].samples = 0;
	}
	while (ev->batches_done < ev->epoch.batches) {
		if (stops(ev))
			return STOPPED;
		if (checkpoint_due(&ev->checkpoint) && evaluation_save(ev) < 0)
			return -1;
		if (evaluation_train_batch(ev, ev->done, ev->batches_done++) < 0)
			return -1;
		progress_note(
		    "epoch %d: batch %d of %d", ev->done + 1, ev->batches_done, ev->epoch.batches);
	}
	for (int i = 0; i < ev->config->n_students; i++)
		if (student_settle(&ev->students[i]) < 0)
			return -1;
	return 0;
}

static void show_progress(const struct evaluation *ev)
{
	const struct student *s = ev->students;
	double loss = student_loss(s);
	if (s->now.hits.n)
		progress_at(
		    ev->done, "loss %.4f  top-1 %.1f %%", loss, 100 * hits_top1(&s->now.hits));
	else
		progress_at(ev->done, "loss %.4f", loss);
}

static int end_epoch(struct evaluation *ev)
{
	int number = ev->done + 1;
	long every = ev->val_every, save = ev->config->out.checkpoint_every;
	bool due = number == ev->epochs || (every && number % every == 0);
	int err = due ? evaluation_measure(ev, &ev->val) : 0;
	if (err)
		return err;
	for (int i = 0; due && i < ev->config->n_students; i++)
		student_compare(&ev->students[i], number);
	log_epoch(ev, number, due);
	ev->done = number;
	ev->batches_done = 0;
	show_progress(ev);
	bool saves = ev->checkpoint.path && save && number % save == 0 && number < ev->epochs;
	return saves ? evaluation_save(ev) : 0;
}

static int train(struct evaluation *ev)
{
	progress_start(ev->config->n_students > 1 ? "students" : "student", "epochs", ev->epochs);
	int err = pass_over(ev);
	if (ev->checkpoint.path)
		stop_defer();
	ev->checkpoint.saved = elapsed();
	while (ev->done < ev->epochs && !err) {
		err = train_epoch(ev);
		if (!err)
			err = end_epoch(ev);
	}
	progress_end();
	if (!err && labels_end(ev) < 0)
		err = no_labels(ev);
	if (!err && !ev->students->optim.step) /* the labels may be last batches only */
		err = fail("no step was taken: BatchNorm needs two images in each half of a batch, "
		           "and no batch of the labels has them");
	return err;
}

static int publish(struct evaluation *ev)
{
	log_costs(ev);
	if (save_student(ev) < 0 || print_report(ev) < 0 || print_results(ev) < 0)
		return -1;
	checkpoint_remove(&ev->checkpoint);
	return 0;
}

static int evaluate(struct evaluation *ev)
{
	int err = train(ev);
	if (!err)
		err = measure_finally(ev);
	if (err)
		return err == STOPPED ? evaluation_stop(ev) : -1;
	return publish(ev);
}

static void evaluation_free(struct evaluation *ev)
{
	label_set_close(&ev->labels);
	for (int i = 0; ev->students && i < ev->config->n_students; i++)
		student_free(&ev->students[i]);
	free(ev->students);
	free(ev->trained);
	checkpoint_free(&ev->checkpoint);
	tensor_free(ev->x);
	tensor_free(ev->teacher);
	tensor_free(ev->targets);
	batch_free(&ev->batch);
	epoch_free(&ev->epoch);
	pool_free(&ev->pool);
	dataset_free(&ev->images);
	dataset_free(&ev->val);
	dataset_free(&ev->test);
}

int stage_eval(const struct eval_config *config)
{
	struct evaluation ev = {.config = config};
	int err = evaluation_prepare(&ev);
	if (!err)
		err = evaluation_tell_plan(&ev);
	if (!err && !config->dry_run)
		err = evaluate(&ev);
	evaluation_free(&ev);
	return err < 0 ? -1 : 0;
}

STAGE(stage_eval)
