/* Prepares a run of fd2-match: photographs, experts and initial images. */
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/class-range.h"
#include "lib/fd2/expert/convnet-depth.h"
#include "lib/fd2/match/match-run.h"
#include "lib/fd2/match/recognised.h"

static int choose_classes(struct match_run *r)
{
	struct class_range range;
	int K = r->real.set.n_classes;
	if (class_range(&range, &r->config->classes, K, "there are") < 0)
		return -1;
	r->first = range.first;
	r->last = range.last;
	if (!r->first && r->last == K - 1)
		return 0;
	if (r->method.kind == ALONG_TRAJECTORIES)
		return fail(
		    "--classes is not for %s, whose students learn all classes", r->method.name);
	if (r->method.rounds > 1)
		return fail("--classes needs --outer 1: between rounds the network is trained on "
		            "the images of all classes");
	return 0;
}

static void record_trajectory(const struct trajectory_config *t)
{
	opt_resolved("steps", json_integer(t->steps));
	opt_resolved("start-first", json_integer(t->first));
	opt_resolved("start-upper", json_integer(t->upper));
	opt_resolved("start-last", json_integer(t->last));
}

/* Records the settings that the method and the inputs determined because no option did. */
static void record_settings(const struct match_run *r)
{
	opt_resolved("arch", json_string(r->arch));
	opt_resolved("iterations", json_integer(r->method.iterations));
	opt_resolved("lr", json_real(r->method.lr));
	if (r->method.kind == BY_CLASS) {
		opt_resolved("outer", json_integer(r->method.rounds));
		opt_resolved("inner", json_integer(r->method.epochs));
	} else {
		record_trajectory(&r->method.trajectory);
	}
	opt_resolved("classes", json_pack("[i,i]", r->first, r->last));
}

static void link_parts(struct match_run *r)
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
	r->trajectory = (struct trajectory){.method = &r->method,
	    .experts = &r->experts,
	    .learned = &r->learned,
	    .augment = method->augment,
	    .part = (int)method->part,
	    .seed = (uint64_t)r->config->seed};
}

/* Initialises images and labels from photographs that experts recognise. */
static int start_from_experts(struct match_run *r)
{
	const struct match_config *config = r->config;
	struct recognised k;
	int err =
	    recognised_init(&k, &r->real, &r->experts, (int)config->ipc, (uint64_t)config->seed);
	if (!err)
		err = learned_init(&r->learned, config, r->first, r->last, &r->real, k.chosen);
	if (!err)
		learned_add_labels(&r->learned, k.logits, config->method.lr_net);
	recognised_free(&k);
	return err;
}

static int open_experts(struct match_run *r)
{
	const struct match_config *config = r->config;
	const struct trajectories_for made_for = {
	    .arch = config->method.depth == DEPTH_UNSET ? NULL : r->arch,
	    .size = (int)config->in.size,
	    .fit = config->in.fit,
	    .normal = &config->in.normal,
	    .classes = (const char *const *)r->real.set.classes,
	    .n_classes = r->real.set.n_classes};
	if (trajectories_open(&r->experts, &config->method.experts, &made_for) < 0)
		return -1;
	r->arch = r->experts.arch;
	return 0;
}

static int start(struct match_run *r)
{
	link_parts(r);
	if (r->method.kind == BY_CLASS)
		return learned_init(&r->learned, r->config, r->first, r->last, &r->real, NULL);
	if (open_experts(r) < 0 || trajectory_check(&r->trajectory) < 0)
		return -1;
	return start_from_experts(r) < 0 ? -1
	                                 : trajectory_init(&r->trajectory, r->real.set.n_classes);
}

int match_prepare(struct match_run *r)
{
	const struct match_config *config = r->config;
	checkpoint_init(&r->checkpoint, config->out.path, r->learned.trained, 1, NULL);
	if ((!config->dry_run && out_try(config->out.path, 0) < 0) ||
	    checkpoint_check(&r->checkpoint, config->out.resume) < 0)
		return -1;
	char name[16];
	int depth = config->method.depth;
	snprintf(name, sizeof name, "convnet%d",
	    depth != DEPTH_UNSET ? depth : convnet_depth((int)config->in.size));
	const struct arch *arch = arch_find(name);
	if (!arch)
		return -1;
	r->arch = arch->name;
	if (matching_configure(&r->method, &config->method, config->ipc) < 0 ||
	    arch_check_size(arch, (int)config->in.size) < 0 ||
	    real_read(&r->real, &config->in, config->method.part) < 0 || choose_classes(r) < 0 ||
	    start(r) < 0)
		return -1;
	r->checkpoint.n = r->learned.n_trained;
	record_settings(r);
	return match_begin(r);
}
