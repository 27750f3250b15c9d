/* Stage 1: trains a teacher, epoch by epoch. */
#include "lib/fd2/teacher/train-teacher.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/plan.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/training.h"
#include "lib/nn/pretrained.h"
#include "lib/nn/weights.h"

static bool stops(const struct training *t)
{
	return t->checkpoint.path && stop_asked();
}

static int train_epoch(struct training *t)
{
	if (!t->step)
		memset(&t->sums, 0, sizeof t->sums);
	step_begin_epoch(t);
	while (t->step < steps_of_epoch(t)) {
		if (stops(t))
			return STOPPED;
		if (checkpoint_due(&t->checkpoint) && training_save(t) < 0)
			return -1;
		if (step_take(t) < 0)
			return -1;
	}
	return step_settle(t);
}

static long last_epoch(const struct training *t)
{
	return t->first + t->config->schedule.epochs;
}

/* Ends an epoch. Uses the average, if there is one: it is what is measured and written. */
static int end_epoch(struct training *t)
{
	long number = t->epoch + 1;
	if (t->config->sgd.ema > 0)
		ema_swap(&t->ema);
	int err = results_measure(t, number);
	if (!err && number == last_epoch(t))
		err = results_write(t, t->config->out.last, number);
	if (t->config->sgd.ema > 0)
		ema_swap(&t->ema);
	if (err)
		return err;
	t->epoch = number;
	t->step = 0;
	long every = t->config->out.checkpoint_every;
	bool due = t->checkpoint.path && every && number % every == 0 && number < last_epoch(t);
	return due ? training_save(t) : 0;
}

static int train(struct training *t)
{
	int err = 0;
	progress_start("teacher", "images", t->config->schedule.epochs * t->train.n);
	if (t->checkpoint.path)
		stop_defer();
	t->checkpoint.saved = elapsed();
	while (t->epoch < last_epoch(t) && !err) {
		err = train_epoch(t);
		if (!err)
			err = end_epoch(t);
	}
	progress_end();
	if (err)
		return err == STOPPED ? training_stop(t) : -1;
	results_print_table(t);
	checkpoint_remove(&t->checkpoint);
	return 0;
}

static double take_some(void *stage)
{
	struct training *t = stage;
	t->step %= steps_of_epoch(t);
	if (!t->step)
		step_begin_epoch(t);
	return step_take(t) < 0 || step_settle(t) < 0 ? -1 : 1;
}

static double validate_some(void *stage)
{
	return results_measure_some(stage);
}

static double bytes(void *stage)
{
	const struct training *t = stage;
	return weights_bytes(&t->teacher.backbone.params) * (t->config->out.best ? 2 : 1);
}

static int tell_plan(struct training *t)
{
	long epochs = last_epoch(t) - t->epoch, steps = steps_of_epoch(t);
	struct plan p = {.stage = t, .bytes = bytes};
	p.work = xasprintf("%s of %s of %d classes, in batches of %ld; %s after each",
	    counted(epochs, "epochs").text, counted(t->train.n, "images").text, t->train.n_classes,
	    t->config->schedule.batch, counted(t->val.n, "held-out images").text);
	p.parts[0] = (struct plan_part){"steps", (double)(epochs * steps - t->step), take_some};
	if (t->val.n)
		p.parts[1] =
		    (struct plan_part){"held-out images", (double)epochs * t->val.n, validate_some};
	if (t->config->dry_run)
		t->step = 0;
	return plan_tell(&p, t->config->dry_run);
}

static int read_data(struct training *t)
{
	const struct teacher_inputs *in = &t->config->in;
	struct dataset_options o = {.fit = t->config->network.fit,
	    .size = (int)t->config->network.size,
	    .cache = in->cache,
	    .strict = in->strict};
	if (dataset_read(&t->train, in->shards, in->n_shards, &o) < 0)
		return -1;
	if (t->train.numbered)
		say("the training shards name no classes; they are called 0 to %d",
		    t->train.n_classes - 1);
	if (t->train.n_classes < 2)
		return fail("the training shards hold one class, '%s'; expected at least two",
		    t->train.classes[0]);
	if (dataset_check_classes(&t->train) < 0)
		return -1;
	o.known = (const char *const *)t->train.classes;
	o.n_known = t->train.n_classes;
	o.known_by = "the training set";
	o.exact = !in->fast_val;
	if (!in->val.n)
		return 0;
	if (dataset_read(&t->val, (char **)in->val.v, in->val.n, &o) < 0)
		return -1;
	dataset_warn_missing(&t->val, "--val");
	dataset_warn_shared(&t->train, &t->val, "--val");
	return 0;
}

static int build_teacher(struct training *t)
{
	const struct teacher_network *network = &t->config->network;
	struct teacher *teacher = &t->teacher;
	teacher->classes = t->train.n_classes;
	teacher->class_names =
	    names_copy((const char *const *)t->train.classes, t->train.n_classes);
	teacher->size = (int)network->size;
	teacher->last_stride = (int)network->last_stride;
	teacher->alpha = t->config->loss.alpha;
	teacher->fit = network->fit;
	teacher->normal = network->normal;
	if (teacher_init(
	        teacher, arch_at(network->arch)->name, (int)network->maps, t->config->seed) < 0)
		return -1;
	struct pretrained from = {.classes = (const char *const *)teacher->class_names};
	if (t->config->in.init &&
	    pretrained_read(&teacher->backbone, t->config->in.init, &from) < 0)
		return -1;
	strcpy(t->init, from.digest);
	return 0;
}

static void build_optimiser(struct training *t)
{
	const struct teacher_sgd *sgd = &t->config->sgd;
	struct params *params = &t->teacher.backbone.params;
	t->optim = (struct optim){OPTIM_SGD, .momentum = sgd->momentum,
	    .weight_decay = sgd->weight_decay, .nesterov = sgd->nesterov, .clip = sgd->clip,
	    .slow = "cal.fc.", .slow_share = sgd->cal_lr, .decay_all = true};
	optim_init(&t->optim, params);
	if (sgd->ema > 0)
		ema_init(&t->ema, params, sgd->ema);
	t->trained = (struct trained){
	    .params = params, .average = sgd->ema > 0 ? &t->ema.average : NULL, .optim = &t->optim};
}

static int try_outputs(const struct training *t)
{
	const struct teacher_outputs *out = &t->config->out;
	if (t->config->dry_run)
		return 0;
	return out_try(out->last, 0) < 0 || (out->best && out_try(out->best, 0) < 0) ? -1 : 0;
}

/* 1: the work is done already. */
static int prepare(struct training *t)
{
	const struct teacher_outputs *out = &t->config->out;
	checkpoint_init(&t->checkpoint, out->last, &t->trained, 1, NULL);
	if (arch_check_size(arch_at(t->config->network.arch), (int)t->config->network.size) < 0 ||
	    try_outputs(t) < 0 || checkpoint_check(&t->checkpoint, out->resume) < 0 ||
	    read_data(t) < 0 || build_teacher(t) < 0)
		return -1;
	t->checkpoint.inputs = results_inputs(t);
	int finished = training_finished(t);
	if (finished)
		return finished;
	if (training_extend(t) < 0)
		return -1;
	build_optimiser(t);
	return training_load(t) < 0 ? -1 : step_init(t);
}

int stage_teacher(const struct teacher_config *config)
{
	struct training t = {.config = config};
	int err = prepare(&t);
	if (!err)
		err = tell_plan(&t);
	if (!err && !config->dry_run)
		err = train(&t);
	step_free(&t);
	checkpoint_free(&t.checkpoint);
	optim_free(&t.optim);
	ema_free(&t.ema);
	teacher_free(&t.teacher);
	dataset_free(&t.train);
	dataset_free(&t.val);
	return err < 0 ? -1 : 0;
}

STAGE(stage_teacher)
