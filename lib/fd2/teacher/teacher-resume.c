/* Saves and restores FILE.ckpt of an interrupted run, and recognises or extends a finished FILE. */
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/base/provenance.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/up-to-date.h"
#include "lib/fd2/teacher/training.h"

static json_t *hits_json(const struct hits *h)
{
	return json_pack("[I, I, I]", (json_int_t)h->n, (json_int_t)h->top1, (json_int_t)h->top5);
}

static int hits_from(struct hits *h, json_t *list)
{
	json_int_t n, top1, top5;
	if (json_unpack(list, "[I, I, I]", &n, &top1, &top5))
		return -1;
	*h = (struct hits){(long)n, (long)top1, (long)top5};
	return 0;
}

int training_save(struct training *t)
{
	if (step_settle(t) < 0)
		return -1;
	return checkpoint_save(&t->checkpoint,
	    json_pack("{s:I, s:I, s:f, s:f, s:o, s:o, s:[I, f, f], s:s, s:b, s:I, s:s}", "epoch",
	        (json_int_t)t->epoch, "step", (json_int_t)t->step, "loss", t->sums.loss, "center",
	        t->sums.center, "backbone", hits_json(&t->sums.hits[BACKBONE]), "cal",
	        hits_json(&t->sums.hits[CAL]), "best", (json_int_t)t->best.epoch,
	        t->best.top1[BACKBONE], t->best.top1[CAL], "val", t->val.digest, "keeps_best",
	        t->config->out.best != NULL, "first", (json_int_t)t->first, "extended",
	        t->extended));
}

int training_stop(struct training *t)
{
	if (training_save(t) < 0)
		return -1;
	return stop_fail("'%s' has the state after epoch %ld and %ld of %ld steps; go on with "
	                 "--resume",
	    t->checkpoint.path, t->epoch, t->step, steps_of_epoch(t));
}

/* Decides whether the choice of the best epoch starts again: earlier epochs count only if they were
 * measured, and if the best of them is in --best. -1: they were measured on other images. */
static int choose_best(struct training *t, const char *val, bool kept_best)
{
	const char *best = t->config->out.best;
	if (t->val.n && *val && strcmp(val, t->val.digest))
		return fail("cannot resume: '%s' was measured on other images than those of --val",
		    t->checkpoint.path);
	bool restarts = (t->val.n && !*val) || (best && (!kept_best || access(best, R_OK)));
	if (!restarts)
		return 0;
	t->best = (struct best){0};
	if (t->epoch > t->first)
		warn("the best epoch is chosen from epoch %ld on: the earlier ones were %s",
		    t->epoch + 1, *val ? "not kept with --best" : "not measured with --val");
	return 0;
}

static int take_state(struct training *t, json_t *state)
{
	json_int_t epoch, step, best, first;
	int kept_best;
	const char *val, *extended;
	json_t *backbone, *cal;
	if (json_unpack(state, "{s:I, s:I, s:F, s:F, s:o, s:o, s:[I, F, F], s:s, s:b, s:I, s:s}",
	        "epoch", &epoch, "step", &step, "loss", &t->sums.loss, "center", &t->sums.center,
	        "backbone", &backbone, "cal", &cal, "best", &best, &t->best.top1[BACKBONE],
	        &t->best.top1[CAL], "val", &val, "keeps_best", &kept_best, "first", &first,
	        "extended", &extended) ||
	    hits_from(&t->sums.hits[BACKBONE], backbone) || hits_from(&t->sums.hits[CAL], cal) ||
	    strlen(extended) >= sizeof t->extended || epoch < 0 || step < 0 ||
	    step > steps_of_epoch(t))
		return fail(
		    "cannot resume: '%s' holds no state of fd2-teacher", t->checkpoint.path);
	t->epoch = (long)epoch;
	t->step = (long)step;
	t->first = (long)first;
	t->best.epoch = (long)best;
	strcpy(t->extended, extended);
	if (choose_best(t, val, kept_best) < 0)
		return -1;
	say("resumed after epoch %ld and %ld of %ld steps", t->epoch, t->step, steps_of_epoch(t));
	log_event(json_pack("{s:s, s:I, s:I}", "event", "resume", "epoch", epoch, "step", step));
	return 0;
}

/* Compares the settings that define a network; the rest may change when it is trained further. */
static int check_network(const char *path, const json_t *was, const json_t *now)
{
	static const char *const names[] = {
	    "arch", "maps", "size", "last-stride", "alpha", "fit", "mean", "std"};
	json_t *a = json_object(), *b = json_object();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		json_object_set(a, names[i], json_object_get(was, names[i]));
		json_object_set(b, names[i], json_object_get(now, names[i]));
	}
	int err = options_include(path, a, b);
	json_decref(a);
	json_decref(b);
	return err;
}

static int extend(struct training *t, struct stream_reader *r)
{
	const char *path = t->config->out.last;
	json_t *meta = fd2_stream_meta(r), *now = opts_provenance();
	struct teacher *own = &t->teacher, was = {0};
	int err =
	    check_network(path, json_object_get(meta, "options"), json_object_get(now, "options"));
	json_decref(now);
	was.class_names = names_from_json(json_object_get(meta, "classes"), &was.classes);
	if (!err)
		err = classes_agree(path, was.class_names, was.classes, "the shards",
		    (const char *const *)own->class_names, own->classes);
	names_free(was.class_names, was.classes);
	if (!err && teacher_read_tensors(own, r) < 0)
		err = fail("cannot extend '%s': %s", path, fail_message());
	if (err)
		return -1;
	t->epoch = t->first = (long)json_integer_value(json_object_get(meta, "epoch"));
	strcpy(t->extended, fd2_stream_digest(r));
	say("training of '%s' continues after epoch %ld", path, t->first);
	return 0;
}

int training_extend(struct training *t)
{
	const struct teacher_outputs *out = &t->config->out;
	if (!out->extend || (out->resume && checkpoint_exists(&t->checkpoint)))
		return 0;
	struct stream_reader *r = fd2_stream_open(out->last, "teacher");
	int err = r ? extend(t, r) : -1;
	if (r)
		fd2_stream_close(r);
	return err;
}

int training_load(struct training *t)
{
	json_t *state = NULL;
	int err = t->config->out.resume ? checkpoint_load(&t->checkpoint, &state) : 0;
	if (!err && state)
		err = take_state(t, state);
	json_decref(state);
	return err;
}

static int check_inputs(const struct training *t, const json_t *was)
{
	json_t *now = results_inputs(t);
	bool same = json_equal(was, now);
	json_decref(now);
	return same ? 0
	            : fail("'%s' was made from other %s", t->config->out.last,
	                  strcmp(t->train.digest,
	                      json_string_value(json_object_get(was, "train"))
	                          ? json_string_value(json_object_get(was, "train"))
	                          : "")
	                      ? "training images"
	                      : "initial weights (--init)");
}

/* Fails if a finished run lacks measurements that are asked for now. */
static int check_measures(const struct training *t, const json_t *val)
{
	const struct teacher_outputs *out = &t->config->out;
	const char *digest = json_string_value(json_object_get(val, "digest"));
	if (t->val.n && (!digest || strcmp(digest, t->val.digest)))
		return fail("'%s' was %s", out->last,
		    digest ? "measured on other images than those of --val" : "made without --val");
	if (out->best && access(out->best, R_OK))
		return fail("'%s' is finished, and '%s' was not kept", out->last, out->best);
	return 0;
}

static int check_work(const struct training *t, const json_t *was)
{
	const char *path = t->config->out.last;
	json_t *now = opts_provenance();
	long epoch = (long)json_integer_value(json_object_get(was, "epoch")),
	     first = (long)json_integer_value(
	         json_object_get(json_object_get(was, "extended"), "epoch"));
	int err =
	    options_equal(path, json_object_get(was, "options"), json_object_get(now, "options"));
	json_decref(now);
	if (err || check_inputs(t, json_object_get(was, "inputs")) < 0 ||
	    check_measures(t, json_object_get(was, "val")) < 0)
		return -1;
	long epochs = t->config->schedule.epochs + (t->config->out.extend ? first : 0);
	return epoch == epochs
	           ? 0
	           : fail("'%s' was trained for %ld epochs, not %ld", path, epoch, epochs);
}

int training_finished(const struct training *t)
{
	const struct teacher_outputs *out = &t->config->out;
	if (!out->resume || checkpoint_exists(&t->checkpoint) || access(out->last, F_OK))
		return 0;
	struct stream_reader *r = fd2_stream_open(out->last, "teacher");
	if (!r)
		return -1;
	int err = 0;
	bool extends = out->extend && !json_object_get(fd2_stream_meta(r), "extended");
	if (!extends && (err = check_work(t, fd2_stream_meta(r))) < 0)
		fail("%s; use --extend to train it further, or leave out --resume to replace it",
		    fail_message());
	else if (!extends && (err = stream_read_to_end(r)) < 0)
		fail("%s; leave out --resume to replace it", fail_message());
	fd2_stream_close(r);
	if (err || extends)
		return err;
	out_made_already(out->last, t->config->dry_run);
	return 1;
}
