/* Trains the experts for trajectory matching, one after the other. */
#include "lib/fd2/expert/expert.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/plan.h"
#include "lib/fd2/expert/convnet-depth.h"
#include "lib/fd2/expert/expert-run.h"
#include "lib/fd2/expert/trajectories.h"
#include "lib/fd2/stage.h"
#include "lib/nn/weights.h"

static int write_weights(struct expert_run *r)
{
	char prefix[TRAJECTORY_PREFIX_MAX];
	trajectory_prefix(prefix, (int)r->expert, (int)r->epoch);
	if (weights_put(r->writer, prefix, &r->net.params) < 0)
		return -1;
	return fd2_stream_flush(r->writer);
}

static void tell_epoch(const struct expert_run *r)
{
	double loss = r->sums.loss / r->photographs.n, top1 = hits_top1(&r->sums.hits);
	log_event(json_pack("{s:s, s:I, s:I, s:f, s:{s:f}, s:f}", "event", "epoch", "expert",
	    (json_int_t)r->expert, "epoch", (json_int_t)r->epoch + 1, "lr", expert_rate(r), "loss",
	    "ce", loss, "train_top1", top1));
	chat("expert %ld, epoch %ld: loss %.4f, %.1f %% of the photographs right", r->expert,
	    r->epoch + 1, loss, 100 * top1);
}

static int train_epoch(struct expert_run *r)
{
	long every = r->config->checkpoint_every;
	if (!r->step)
		r->sums = (struct net_sums){0};
	expert_order(r);
	while (r->step < expert_steps(r)) {
		if (r->checkpoint.path && stop_asked())
			return STOPPED;
		if (checkpoint_due(&r->checkpoint) && expert_save(r) < 0)
			return -1;
		if (expert_step(r) < 0)
			return -1;
		progress_at(r->expert * r->config->epochs + r->epoch,
		    "expert %ld  epoch %ld  loss %.4f  top-1 %.1f %%", r->expert, r->epoch + 1,
		    r->sums.loss / (double)r->sums.hits.n, 100 * hits_top1(&r->sums.hits));
	}
	tell_epoch(r);
	r->epoch++;
	r->step = 0;
	if (write_weights(r) < 0)
		return -1;
	return r->checkpoint.path && every && r->epoch % every == 0 ? expert_save(r) : 0;
}

/* Trains the current expert from where the run is, which may be the middle. */
static int train_expert(struct expert_run *r)
{
	int err = 0;
	while (r->epoch < r->config->epochs && !err)
		err = train_epoch(r);
	if (err)
		return err;
	r->expert++;
	r->epoch = 0;
	if (r->expert == r->config->experts)
		return 0;
	return expert_network(r) < 0 ? -1 : write_weights(r);
}

/* Closes the output, and deletes FILE.part if the run cannot be resumed. */
static void abandon(struct expert_run *r)
{
	bool useless = r->checkpoint.path && !checkpoint_exists(&r->checkpoint);
	fd2_stream_abandon(r->writer);
	if (!useless)
		return;
	char *part = out_part_name(r->config->out);
	unlink(part);
	free(part);
}

static int train(struct expert_run *r)
{
	int err = 0;
	progress_start("expert", "epochs", r->config->experts * r->config->epochs);
	if (r->checkpoint.path)
		stop_defer();
	r->checkpoint.saved = elapsed();
	if (!r->resumed)
		err = write_weights(r);
	while (r->expert < r->config->experts && !err)
		err = train_expert(r);
	progress_end();
	if (err == STOPPED)
		err = expert_stop(r);
	if (err) {
		abandon(r);
		return -1;
	}
	if (fd2_stream_finish(r->writer) < 0)
		return -1;
	checkpoint_remove(&r->checkpoint);
	return 0;
}

static double step_some(void *stage)
{
	struct expert_run *r = stage;
	r->step %= expert_steps(r);
	return expert_step(r) < 0 ? -1 : 1;
}

static double bytes(void *stage)
{
	const struct expert_run *r = stage;
	const double ends = 2048, head = 90; /* overhead of the stream, and of a tensor */
	double weights = weights_bytes(&r->net.params) + head * r->net.params.n;
	return ends + (double)r->config->experts * (double)(r->config->epochs + 1) * weights;
}

static int tell_plan(struct expert_run *r)
{
	const struct expert_config *config = r->config;
	struct plan p = {.stage = r, .bytes = bytes};
	long epochs = (config->experts - r->expert) * config->epochs - r->epoch;
	p.work = xasprintf("%s, %s, each for %s of %s of %d classes",
	    counted(config->experts, "experts").text, r->arch,
	    counted(config->epochs, "epochs").text, counted(r->photographs.n, "photographs").text,
	    r->photographs.n_classes);
	p.parts[0] =
	    (struct plan_part){"steps", (double)(epochs * expert_steps(r) - r->step), step_some};
	if (config->dry_run)
		expert_order(r);
	return plan_tell(&p, config->dry_run);
}

static json_t *inputs(const struct expert_run *r)
{
	return json_pack("{s:s}", "train", r->photographs.digest);
}

static json_t *describe(const struct expert_run *r)
{
	const struct photograph_inputs *in = &r->config->in;
	json_t *m = opts_provenance();
	json_object_set_new(m, "inputs", inputs(r));
	json_object_set_new(m, "arch", json_string(r->arch));
	json_object_set_new(m, "classes",
	    names_to_json((const char *const *)r->photographs.classes, r->photographs.n_classes));
	json_object_set_new(m, "size", json_integer(in->size));
	json_object_set_new(m, "fit", json_string(fit_name(in->fit)));
	json_object_set_new(m, "mean", numbers_to_json(in->normal.mean, 3));
	json_object_set_new(m, "std", numbers_to_json(in->normal.std, 3));
	json_object_set_new(m, "experts", json_integer(r->config->experts));
	json_object_set_new(m, "epochs", json_integer(r->config->epochs));
	return m;
}

static int prepare(struct expert_run *r)
{
	const struct expert_config *config = r->config;
	int size = (int)config->in.size;
	snprintf(r->arch, sizeof r->arch, "convnet%d",
	    config->depth != DEPTH_UNSET ? config->depth : convnet_depth(size));
	checkpoint_init(&r->checkpoint, config->out, &r->trained, 1, NULL);
	if (arch_check_size(arch_find(r->arch), size) < 0 ||
	    (!config->dry_run && out_try(config->out, 0) < 0) ||
	    checkpoint_check(&r->checkpoint, config->resume) < 0 ||
	    photographs_read(&r->photographs, &config->in) < 0 || expert_network(r) < 0)
		return -1;
	opt_resolved("arch", json_string(r->arch));
	batch_init(&r->batch, (int)config->part, size);
	r->order = xcalloc((size_t)r->photographs.n, sizeof *r->order);
	r->checkpoint.inputs = inputs(r);
	r->meta = describe(r);
	return expert_begin(r);
}

int stage_expert(const struct expert_config *config)
{
	struct expert_run r = {.config = config};
	int err = prepare(&r);
	if (!err)
		err = tell_plan(&r);
	if (!err && !config->dry_run)
		err = train(&r);
	json_decref(r.meta);
	checkpoint_free(&r.checkpoint);
	optim_free(&r.optim);
	backbone_free(&r.net);
	batch_free(&r.batch);
	free(r.order);
	dataset_free(&r.photographs);
	return err < 0 ? -1 : 0;
}

STAGE(stage_expert)
