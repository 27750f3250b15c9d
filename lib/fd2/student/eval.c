/* Stage 6: plain backbones trained on the distilled images alone, and their accuracy on held-out
 * ones (fd2-method(7), STUDENTS). Several students learn from the same batches, each of which is
 * read, decoded and rendered once. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/fd2/student/eval.h"
#include "lib/fd2/batch/validate.h"
#include "lib/fd2/stage.h"

static int count_students(void *ctx, const Tensor *x, const int64_t *labels)
{
	struct evaluation *r = ctx;
	for (int i = 0; i < r->job->n_students; i++) {
		struct student *s = &r->students[i];
		double start = elapsed();
		scores_count(&s->now, student_logits(s, x), labels);
		s->seconds += elapsed() - start;
	}
	return 0;
}

static int measure(struct evaluation *r, const struct dataset *d)
{
	for (int i = 0; i < r->job->n_students; i++)
		scores_clear(&r->students[i].now);
	return validate(d, r->labels.size, &r->labels.normal, count_students, r);
}

static void swap_kept(struct evaluation *r)
{
	for (int i = 0; i < r->job->n_students; i++)
		ema_swap(r->students[i].kept);
}

/* With --test: what the validations chose, then the last, on images that had no part in the
 * choice. */
static int examine(struct evaluation *r)
{
	if (!r->job->test.n)
		return 0;
	swap_kept(r);
	if (measure(r, &r->test) < 0)
		return -1;
	for (int i = 0; i < r->job->n_students; i++)
		r->students[i].best = r->students[i].now.hits;
	swap_kept(r);
	return measure(r, &r->test);
}

/* Full batches always in the same tensors. */
static struct lesson lesson_of(struct evaluation *r, int e, int i)
{
	int n = r->batch.n, K = r->labels.classes;
	struct lesson l = {
	    .n = n, .epoch = e, .number = i, .again = n == r->batch.cap, .job = r->job};
	l.parts = r->labels.halves && n > 1 ? 2 : 1;
	Tensor *x = batch_images(&r->batch, 0, n, arithmetic()), *labels = NULL, *teacher = NULL;
	if (r->labels.stream)
		teacher = tensor_from(r->epoch.logits + (size_t)r->epoch.starts[i] * (size_t)K,
		    T_F16, 2, (int64_t[]){n, K});
	else
		labels = batch_labels(&r->batch, 0, n);
	l.x = l.again ? tensor_to_static(&r->x, x) : x;
	l.teacher = l.again ? tensor_to_static(&r->teacher, teacher) : teacher;
	l.labels = l.again ? tensor_to_static(&r->targets, labels) : labels;
	return l;
}

static int teach(struct evaluation *r, int e, const struct lesson *l)
{
	if (l->n / l->parts < 2 && r->epoch.batches > 1)
		return 0; /* a rest that is too small for batch statistics */
	for (int k = 0; k < r->job->n_students; k++) {
		struct student *s = &r->students[k];
		if (student_step(s, l, lr_cosine(s->lr, e, r->epochs, 0, r->job->zeta)) < 0)
			return -1;
	}
	return 0;
}

static int train_batch(struct evaluation *r, int e, int i)
{
	epoch_render(&r->epoch, i, &r->batch, &r->images, &r->labels.normal);
	tensor_scope_begin(NO_GRAD);
	struct lesson l = lesson_of(r, e, i);
	int ok = teach(r, e, &l);
	tensor_scope_end();
	return ok;
}

/* The largest square in the middle of each image, as it stands. */
static void view_whole(struct epoch *e, const struct dataset *d)
{
	for (int i = 0; i < e->n; i++) {
		struct view *v = &e->views[i];
		v->box = view_square(&d->v[v->image].image).box;
		v->flip = false;
	}
}

/* The next epoch's views: from the labels, or drawn here. 0 when the labels have ended. */
static int next_epoch(struct evaluation *r, long e)
{
	if (!r->labels.stream) {
		struct view_draw how = {r->labels.size, r->job->min_scale, (uint64_t)common.seed};
		epoch_draw(&r->epoch, &r->images, &how, NULL, e);
		if (r->job->no_augment)
			view_whole(&r->epoch, &r->images);
		return 1;
	}
	int got = r->job->reuse_labels
	              ? pool_next(&r->pool, &r->epoch)
	              : epoch_read(&r->epoch, r->labels.stream, e, &r->images, r->labels.size);
	r->label_bytes =
	    r->job->reuse_labels ? r->pool.bytes : r->label_bytes + epoch_bytes(&r->epoch);
	return got;
}

/* After all the epochs that the labels promise they must end, in a record that tells them whole. */
static int labels_end(struct evaluation *r)
{
	if (!r->labels.stream)
		return 0;
	if (r->job->reuse_labels)
		return pool_end(&r->pool);
	return r->epochs < r->labels.epochs ? 0 : label_set_end(&r->labels);
}

/* Every student's loss in epoch e, and its accuracy where that was measured. */
static void log_epoch(const struct evaluation *r, int e, bool measured)
{
	for (int i = 0; i < r->job->n_students; i++) {
		const struct student *s = &r->students[i];
		double loss = s->loss / r->epoch.n,
		       lr = lr_cosine(s->lr, e - 1, r->epochs, 0, r->job->zeta);
		json_t *event = json_pack("{s:s, s:i, s:i, s:f, s:{s:o}}", "event", "epoch",
		    "student", i, "epoch", e, "lr", lr, "loss", r->labels.stream ? "kl" : "ce",
		    json_real_or_null(loss));
		if (measured) {
			json_object_set_new(event, "top1", json_real(hits_top1(&s->now.hits)));
			json_object_set_new(event, "top5", json_real(hits_top5(&s->now.hits)));
			json_object_set_new(event, "ece", json_real_or_null(scores_ece(&s->now)));
			json_object_set_new(event, "nll", json_real_or_null(scores_nll(&s->now)));
			chat("epoch %4d  %s, seed %ld  loss %.4f  top-1 %5.2f %%  top-5 %5.2f %%",
			    e, s->plan->arch, s->plan->seed, loss, hits_top1(&s->now.hits),
			    hits_top5(&s->now.hits));
		}
		log_event(event);
	}
}

static int train_epoch(struct evaluation *r, int e)
{
	int got = next_epoch(r, e);
	if (got < 0)
		return -1;
	if (!got)
		return fail("the labels end after epoch %d of %d", e, r->epochs);
	for (int i = 0; i < r->job->n_students; i++)
		r->students[i].loss = 0;
	for (int i = 0; i < r->epoch.batches; i++) {
		if (train_batch(r, e, i) < 0)
			return -1;
		progress_note("epoch %d: batch %d of %d", e + 1, i + 1, r->epoch.batches);
	}
	for (int i = 0; i < r->job->n_students; i++)
		if (student_end_epoch(&r->students[i]) < 0)
			return -1;
	return 0;
}

static int train(struct evaluation *r)
{
	const struct eval_job *job = r->job;
	progress_start(job->n_students > 1 ? "students" : "student", r->epochs);
	for (int e = 1; e <= r->epochs; e++) {
		if (train_epoch(r, e - 1) < 0)
			return -1;
		bool due = e == r->epochs || (job->val_every && e % job->val_every == 0);
		if (due && measure(r, &r->val) < 0)
			return -1;
		for (int i = 0; due && i < job->n_students; i++)
			student_compare(&r->students[i], e);
		log_epoch(r, e, due);
		progress_at(e, "loss %.4f  top-1 %.1f %%", r->students[0].loss / r->epoch.n,
		    hits_top1(&r->students[0].now.hits));
	}
	progress_end();
	return labels_end(r);
}

static int publish(const struct evaluation *r)
{
	log_costs(r);
	if (save_student(r) < 0 || print_report(r) < 0)
		return -1;
	return print_results(r);
}

int stage_eval(const struct eval_job *job)
{
	struct evaluation r = {.job = job};
	int ok = evaluation_prepare(&r);
	if (!ok)
		ok = train(&r);
	if (!ok)
		ok = examine(&r);
	if (!ok)
		ok = publish(&r);
	label_set_close(&r.labels);
	for (int i = 0; r.students && i < job->n_students; i++)
		student_free(&r.students[i]);
	free(r.students);
	tensor_free(r.x);
	tensor_free(r.teacher);
	tensor_free(r.targets);
	batch_free(&r.batch);
	epoch_free(&r.epoch);
	pool_free(&r.pool);
	dataset_free(&r.images);
	dataset_free(&r.val);
	dataset_free(&r.test);
	return ok;
}

STAGE(stage_eval)
