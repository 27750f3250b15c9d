/* Stops and resumes a run: handles FILE.ckpt of an interrupted run, and a finished FILE. */
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/up-to-date.h"
#include "lib/fd2/match/match-run.h"

static json_t *inputs(const struct match_run *r)
{
	json_t *in = json_pack("{s:s}", "real", r->real.set.digest);
	if (r->method.kind == ALONG_TRAJECTORIES)
		json_object_set_new(in, "experts", trajectories_digests(&r->experts));
	return in;
}

static json_t *provenance(const struct match_run *r)
{
	json_t *p = opts_provenance();
	json_object_set_new(p, "inputs", inputs(r));
	json_object_set_new(p, "size", json_integer(r->real.size));
	json_object_set_new(p, "mean", numbers_to_json(r->real.normal.mean, 3));
	json_object_set_new(p, "std", numbers_to_json(r->real.normal.std, 3));
	return p;
}

/* Logs the resolved options; the log's start event has them as they were given. */
static void log_settings(const struct match_run *r)
{
	log_event(json_pack("{s:s, s:O, s:O}", "event", "settings", "options",
	    json_object_get(r->provenance, "options"), "inputs",
	    json_object_get(r->provenance, "inputs")));
}

int match_save(struct match_run *r)
{
	return checkpoint_save(
	    &r->checkpoint, json_pack("{s:I, s:I}", "iteration", (json_int_t)r->done, "skipped",
	                        (json_int_t)r->trajectory.skipped));
}

int match_stop(struct match_run *r)
{
	if (match_save(r) < 0)
		return -1;
	return stop_fail("'%s' has the images after %ld of %ld iterations; go on with --resume",
	    r->checkpoint.path, r->done, r->method.iterations);
}

static int load(struct match_run *r)
{
	json_t *state = NULL;
	json_int_t done = 0, skipped = 0;
	int err = checkpoint_load(&r->checkpoint, &state);
	if (!err && state &&
	    (json_unpack(state, "{s:I, s?I}", "iteration", &done, "skipped", &skipped) ||
	        done < 0 || done > r->method.iterations))
		err = fail("cannot resume: '%s' holds no state of fd2-match", r->checkpoint.path);
	else if (!err && state) {
		r->done = (long)done;
		r->trajectory.skipped = (long)skipped;
		say("resumed after iteration %ld", r->done);
		log_event(json_pack("{s:s, s:I}", "event", "resume", "iteration", done));
	}
	json_decref(state);
	return err;
}

int match_begin(struct match_run *r)
{
	const struct match_outputs *out = &r->config->out;
	r->checkpoint.inputs = inputs(r);
	r->provenance = provenance(r);
	log_settings(r);
	if (!out->resume)
		return 0;
	int finished = shard_up_to_date(out->path, r->provenance, r->config->dry_run);
	return finished ? finished : load(r);
}
