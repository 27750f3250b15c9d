#include "lib/fd2/match/match.h"

#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/plan.h"
#include "lib/fd2/match/match-run.h"
#include "lib/fd2/stage.h"

static int iterate(struct match_run *r)
{
	int err = r->method.kind == BY_CLASS ? rounds_take(&r->rounds, r->done, &r->loss)
	                                     : trajectory_take(&r->trajectory, r->done, &r->loss);
	if (err)
		return err;
	r->done++;
	progress_at(r->done, "loss %.4g", r->loss);
	return 0;
}

static void log_iteration(const struct match_run *r)
{
	long every = r->config->log_every;
	if (r->done % every && r->done != 1 && r->done != r->method.iterations)
		return;
	json_t *event = json_pack("{s:s, s:I, s:f, s:{s:f}}", "event", "iteration", "iteration",
	    (json_int_t)r->done, "lr", r->method.lr, "loss", r->method.name, r->loss);
	if (r->method.kind == ALONG_TRAJECTORIES) {
		json_object_set_new(event, "expert", json_integer(r->trajectory.expert));
		json_object_set_new(event, "start_epoch", json_integer(r->trajectory.start));
		json_object_set_new(event, "student_lr", json_real(learned_step_size(&r->learned)));
	}
	log_event(event);
}

static bool save_is_due(const struct match_run *r)
{
	long every = r->config->out.checkpoint_every;
	bool due = r->checkpoint.path && every && r->done % every == 0;
	return r->done < r->method.iterations && (due || checkpoint_due(&r->checkpoint));
}

static int iterate_all(struct match_run *r)
{
	int err = 0;
	bool stops = false;
	progress_start("match", "iterations", r->method.iterations);
	if (r->checkpoint.path)
		stop_defer();
	r->checkpoint.saved = elapsed();
	while (r->done < r->method.iterations && !err) {
		if ((stops = r->checkpoint.path && stop_asked()))
			break;
		err = iterate(r);
		if (!err)
			log_iteration(r);
		if (!err && save_is_due(r))
			err = match_save(r);
	}
	progress_end();
	if (r->trajectory.skipped)
		warn("%s had a loss above --threshold %g and changed nothing",
		    counted(r->trajectory.skipped, "iterations").text,
		    r->method.trajectory.threshold);
	return stops ? match_stop(r) : err;
}

static int store(struct match_run *r)
{
	const struct dataset *set = &r->real.set;
	const char *const *names = set->numbered ? NULL : (const char *const *)set->classes;
	struct out *out = out_open(r->config->out.path, 0);
	if (r->method.kind == ALONG_TRAJECTORIES)
		json_object_set_new(
		    r->provenance, "student_lr", json_real(learned_step_size(&r->learned)));
	struct shard_writer *w =
	    out ? shard_create(out, json_incref(r->provenance), names, set->n_classes) : NULL;
	if (!w)
		return -1;
	if (learned_store(&r->learned, w, &r->real, &r->config->out) < 0) {
		fd2_shard_abandon(w);
		return -1;
	}
	if (fd2_shard_finish(w) < 0)
		return -1;
	checkpoint_remove(&r->checkpoint);
	return 0;
}

static double iterate_once(void *stage)
{
	return iterate(stage) < 0 ? -1 : 1;
}

/* Estimates the output's size from one image as it is now; more steps make JPEGs slightly
 * larger. */
static double bytes(void *stage)
{
	const struct match_run *r = stage;
	const double ends = 8192, head = 1536; /* overhead: shard; members of a sample */
	double S = r->real.size, f16 = r->config->out.pixels == PIXELS_F16 ? head + 6 * S * S : 0,
	       label = r->method.kind == BY_CLASS ? 0 : head / 2 + 12.0 * r->real.set.n_classes;
	struct encoded f;
	tensor_scope_begin(NO_GRAD);
	Tensor *x = tensor_narrow(learned_of(&r->learned, LEARNED_IMAGES, r->first), 0, 0, 1);
	int err = encode_image(&f, x, &r->real.normal, PIXELS_JPEG, (int)r->config->out.quality);
	tensor_scope_end();
	double jpeg = err ? 0 : (double)f.jpeg_size;
	encoded_free(&f);
	return ends + r->learned.n * r->learned.ipc * (jpeg + head + f16 + label);
}

static int tell_plan(struct match_run *r)
{
	struct plan p = {.stage = r, .bytes = bytes};
	long left = r->method.iterations - r->done;
	char *from =
	    r->method.kind == BY_CLASS
	        ? xstrdup(counted(r->real.set.n, "photographs").text)
	        : xasprintf("%s along %s", counted(r->method.trajectory.steps, "steps").text,
	              counted(r->experts.experts, "experts").text);
	p.work = xasprintf("%s of %d classes by %s in %s, %s with %s",
	    counted(r->learned.n * r->learned.ipc, "images").text, r->learned.n, r->method.name,
	    r->arch, counted(left, "iterations").text, from);
	free(from);
	p.parts[0] = (struct plan_part){"iterations", (double)left, iterate_once};
	return plan_tell(&p, r->config->dry_run);
}

int stage_match(const struct match_config *config)
{
	struct match_run r = {.config = config};
	int err = match_prepare(&r);
	if (!err)
		err = tell_plan(&r);
	if (!err && !config->dry_run) {
		err = iterate_all(&r);
		if (!err)
			err = store(&r);
	}
	json_decref(r.provenance);
	checkpoint_free(&r.checkpoint);
	trajectory_free(&r.trajectory);
	learned_free(&r.learned);
	trajectories_close(&r.experts);
	real_free(&r.real);
	return err < 0 ? -1 : 0;
}

STAGE(stage_match)
