#include "lib/fd2/match/match.h"

#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/class-range.h"
#include "lib/fd2/batch/plan.h"
#include "lib/fd2/match/match-run.h"
#include "lib/fd2/stage.h"

static int choose_classes(struct match_run *r)
{
	struct class_range range;
	int K = r->real.set.n_classes;
	if (class_range(&range, &r->config->classes, K, "there are") < 0)
		return -1;
	r->first = range.first;
	r->last = range.last;
	if (r->method.rounds > 1 && (r->first || r->last < K - 1))
		return fail("--classes needs --outer 1: between rounds the network is trained on "
		            "the images of all classes");
	return 0;
}

/* What the method and the inputs decided where no option did. */
static void record_settings(const struct match_run *r)
{
	fd2_resolved("arch", json_string(r->arch));
	fd2_resolved("iterations", json_integer(r->method.iterations));
	fd2_resolved("lr", json_real(r->method.lr));
	fd2_resolved("outer", json_integer(r->method.rounds));
	fd2_resolved("inner", json_integer(r->method.epochs));
	fd2_resolved("classes", json_pack("[i,i]", r->first, r->last));
}

static int take(struct match_run *r)
{
	if (rounds_take(&r->rounds, r->done, &r->loss) < 0)
		return -1;
	r->done++;
	progress_at(r->done, "loss %.4g", r->loss);
	return 0;
}

static void log_iteration(const struct match_run *r)
{
	long every = r->config->log_every;
	if (r->done % every == 0 || r->done == 1 || r->done == r->method.iterations)
		log_event(json_pack("{s:s, s:I, s:f, s:{s:f}}", "event", "iteration", "iteration",
		    (json_int_t)r->done, "lr", r->method.lr, "loss", r->method.name, r->loss));
}

static bool save_is_due(const struct match_run *r)
{
	long every = r->config->out.checkpoint_every;
	bool due = r->checkpoint.path && every && r->done % every == 0;
	return r->done < r->method.iterations && (due || checkpoint_due(&r->checkpoint));
}

static int learn(struct match_run *r)
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
		err = take(r);
		if (!err)
			log_iteration(r);
		if (!err && save_is_due(r))
			err = match_save(r);
	}
	progress_end();
	return stops ? match_stop(r) : err;
}

static int store(struct match_run *r)
{
	const struct dataset *set = &r->real.set;
	const char *const *names = set->numbered ? NULL : (const char *const *)set->classes;
	struct out *out = out_open(r->config->out.path, 0);
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

static double take_some(void *stage)
{
	return take(stage) < 0 ? -1 : 1;
}

/* As the images are now; more steps make JPEGs a little larger. */
static double bytes(void *stage)
{
	const struct match_run *r = stage;
	const double ends = 8192, head = 1536; /* of the shard, and of a sample's members */
	double S = r->real.size, f16 = r->config->out.pixels == PIXELS_F16 ? head + 6 * S * S : 0;
	struct encoded f;
	tensor_scope_begin(NO_GRAD);
	Tensor *x = tensor_narrow(learned_of(&r->learned, r->first), 0, 0, 1);
	int err = finished_encode(&f, x, &r->real.normal, PIXELS_JPEG, (int)r->config->out.quality);
	tensor_scope_end();
	double jpeg = err ? 0 : (double)f.jpeg_size;
	finished_free(&f);
	return ends + r->learned.n * r->learned.ipc * (jpeg + head + f16);
}

static int tell_plan(struct match_run *r)
{
	struct plan p = {.stage = r, .bytes = bytes};
	long left = r->method.iterations - r->done;
	p.work =
	    xasprintf("%d images of %d classes by %s in %ss, %ld iterations with %d photographs",
	        r->learned.n * r->learned.ipc, r->learned.n, r->method.name, r->arch, left,
	        r->real.set.n);
	p.parts[0] = (struct plan_part){"iterations", (double)left, take_some};
	return plan_tell(&p, r->config->dry_run);
}

static void connect(struct match_run *r)
{
	const struct matching_config *method = &r->config->method;
	r->rounds = (struct rounds){.method = &r->method,
	    .arch = r->arch,
	    .augment = method->augment,
	    .lr_net = method->lr_net,
	    .most = method->real,
	    .seed = (uint64_t)r->config->seed,
	    .real = &r->real,
	    .learned = &r->learned};
}

/* 1: the work is done already. */
static int prepare(struct match_run *r)
{
	const struct match_config *config = r->config;
	checkpoint_init(&r->checkpoint, config->out.path, &r->learned.trained, 1, NULL);
	if ((!config->dry_run && out_try(config->out.path, 0) < 0) ||
	    checkpoint_check(&r->checkpoint, config->out.resume) < 0)
		return -1;
	snprintf(r->arch, sizeof r->arch, "convnet%d",
	    matching_depth(&config->method, (int)config->in.size));
	const struct arch *arch = arch_find(r->arch);
	if (matching_configure(&r->method, &config->method, config->ipc) < 0 ||
	    arch_check_size(arch, (int)config->in.size) < 0 ||
	    real_read(&r->real, &config->in, config->method.part) < 0 || choose_classes(r) < 0 ||
	    learned_init(&r->learned, config, r->first, r->last, &r->real) < 0)
		return -1;
	record_settings(r);
	connect(r);
	return match_begin(r);
}

int stage_match(const struct match_config *config)
{
	struct match_run r = {.config = config};
	int err = prepare(&r);
	if (!err)
		err = tell_plan(&r);
	if (!err && !config->dry_run) {
		err = learn(&r);
		if (!err)
			err = store(&r);
	}
	json_decref(r.provenance);
	checkpoint_free(&r.checkpoint);
	learned_free(&r.learned);
	real_free(&r.real);
	return err < 0 ? -1 : 0;
}

STAGE(stage_match)
