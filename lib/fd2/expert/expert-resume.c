/* Stops and resumes a run: FILE.part has the weights after each finished epoch, FILE.ckpt the state
 * of the interrupted epoch. */
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/provenance.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/up-to-date.h"
#include "lib/fd2/expert/expert-run.h"

static json_t *hits(const struct hits *h)
{
	return json_pack("[I, I, I]", (json_int_t)h->n, (json_int_t)h->top1, (json_int_t)h->top5);
}

int expert_save(struct expert_run *r)
{
	if (stream_sync(r->writer) < 0)
		return -1;
	return checkpoint_save(
	    &r->checkpoint, json_pack("{s:I, s:I, s:I, s:f, s:o}", "expert", (json_int_t)r->expert,
	                        "epoch", (json_int_t)r->epoch, "step", (json_int_t)r->step, "loss",
	                        r->sums.loss, "hits", hits(&r->sums.hits)));
}

int expert_stop(struct expert_run *r)
{
	if (expert_save(r) < 0)
		return -1;
	return stop_fail("'%s' has the state after %ld of %ld experts, %ld epochs and %ld steps; "
	                 "go on with --resume",
	    r->checkpoint.path, r->expert, r->config->experts, r->epoch, r->step);
}

static int take_state(struct expert_run *r, json_t *state)
{
	json_int_t expert, epoch, step, n, top1, top5;
	if (json_unpack(state, "{s:I, s:I, s:I, s:F, s:[I, I, I]}", "expert", &expert, "epoch",
	        &epoch, "step", &step, "loss", &r->sums.loss, "hits", &n, &top1, &top5) ||
	    expert < 0 || expert >= r->config->experts || epoch < 0 || epoch > r->config->epochs ||
	    step < 0)
		return fail("cannot resume: '%s' holds no state of fd2-expert", r->checkpoint.path);
	r->sums.hits = (struct hits){(long)n, (long)top1, (long)top5};
	r->expert = (long)expert;
	r->epoch = (long)epoch;
	r->step = (long)step;
	r->resumed = true;
	say("resumed after %ld of %ld experts, %ld epochs and %ld steps", r->expert,
	    r->config->experts, r->epoch, r->step);
	log_event(json_pack("{s:s, s:I, s:I, s:I}", "event", "resume", "expert", expert, "epoch",
	    epoch, "step", step));
	return 0;
}

static int no_weights(const struct expert_run *r, const char *part)
{
	return fail(
	    "'%s' lacks the weights that '%s' goes on from; remove both", part, r->checkpoint.path);
}

/* Skips the weights that were written before the state was saved. */
static int pass_over(const struct expert_run *r, struct stream_reader *part, const char *name)
{
	struct array a;
	long epochs = r->expert * (r->config->epochs + 1) + r->epoch + 1;
	int got = 1;
	for (long i = 0; i < epochs * r->net.params.n && got > 0; i++)
		if ((got = fd2_stream_next(part, &a)) > 0)
			fd2_array_free(&a);
	return got > 0   ? 0
	       : got < 0 ? fail("cannot resume: %s", fail_message())
	                 : no_weights(r, name);
}

static int continue_part(struct expert_run *r)
{
	char *name = out_part_name(r->config->out);
	bool there = access(name, F_OK) == 0;
	struct stream_reader *part = there ? fd2_stream_open(name, "trajectories") : NULL;
	if (!there) {
		no_weights(r, name);
	} else if (!part || provenance_agree(name, fd2_stream_meta(part), r->meta) < 0) {
		fail("cannot resume: %s", fail_message());
	} else if (pass_over(r, part, name) == 0) {
		struct stream_place end = stream_tell(part);
		struct out *out = out_resume(r->config->out, end.size);
		r->writer = out ? stream_continue(out, &end) : NULL;
	}
	if (part)
		fd2_stream_close(part);
	free(name);
	return r->writer ? 0 : -1;
}

static int start_output(struct expert_run *r)
{
	struct out *out = out_open(r->config->out, r->checkpoint.path ? OUT_KEEP : 0);
	r->writer = out ? stream_create(out, "trajectories", json_incref(r->meta)) : NULL;
	return r->writer ? 0 : -1;
}

static int resume(struct expert_run *r)
{
	json_t *state = NULL;
	int err = checkpoint_load(&r->checkpoint, &state);
	if (!err && state)
		err = take_state(r, state);
	if (!err && !r->config->dry_run)
		err = state ? continue_part(r) : start_output(r);
	json_decref(state);
	return err;
}

/* A run may have been killed after it finished FILE but before it removed FILE.ckpt. */
int expert_begin(struct expert_run *r)
{
	const struct expert_config *config = r->config;
	if (!config->resume)
		return config->dry_run ? 0 : start_output(r);
	int finished = stream_up_to_date(config->out, "trajectories", r->meta, config->dry_run);
	if (finished > 0 && !config->dry_run)
		checkpoint_remove(&r->checkpoint);
	return finished ? finished : resume(r);
}
