/* Saves and restores the state of an interrupted run in FILE.ckpt. */
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/stop.h"
#include "lib/fd2/student/evaluation.h"

static json_t *student_state(const struct student *s)
{
	return json_pack("{s:f, s:I, s:I, s:I, s:I, s:i, s:f}", "loss", s->loss, "samples",
	    (json_int_t)s->samples, "n", (json_int_t)s->best.n, "top1", (json_int_t)s->best.top1,
	    "top5", (json_int_t)s->best.top5, "best_epoch", s->best_epoch, "seconds", s->seconds);
}

/* samples: of the epoch's batches so far, for a state of an earlier version, which lacks the
 * number. */
static int take_student(struct student *s, json_t *state, json_int_t samples)
{
	json_int_t n, top1, top5;
	if (json_unpack(state, "{s:F, s?I, s:I, s:I, s:I, s:i, s:F}", "loss", &s->loss, "samples",
	        &samples, "n", &n, "top1", &top1, "top5", &top5, "best_epoch", &s->best_epoch,
	        "seconds", &s->seconds))
		return -1;
	s->samples = (long)samples;
	s->best = (struct hits){(long)n, (long)top1, (long)top5};
	return 0;
}

int evaluation_save(struct evaluation *ev)
{
	json_t *students = json_array();
	int err = 0;
	for (int i = 0; i < ev->config->n_students && !err; i++) {
		err = student_settle(&ev->students[i]);
		json_array_append_new(students, student_state(&ev->students[i]));
	}
	json_t *state = json_pack(
	    "{s:i, s:i, s:o}", "epoch", ev->done, "step", ev->batches_done, "students", students);
	if (!err)
		return checkpoint_save(&ev->checkpoint, state);
	json_decref(state);
	return err;
}

int evaluation_stop(struct evaluation *ev)
{
	if (evaluation_save(ev) < 0)
		return -1;
	return stop_fail("'%s' has the state after epoch %d and %d batches; go on with --resume",
	    ev->checkpoint.path, ev->done, ev->batches_done);
}

static int take_state(struct evaluation *ev, json_t *state)
{
	json_t *students;
	int bad = json_unpack(state, "{s:i, s:i, s:o}", "epoch", &ev->done, "step",
	    &ev->batches_done, "students", &students);
	for (int i = 0; !bad && i < ev->config->n_students; i++)
		bad = take_student(&ev->students[i], json_array_get(students, (size_t)i),
		    (json_int_t)ev->batches_done * ev->batch.cap);
	if (bad || ev->done < 0 || ev->batches_done < 0)
		return fail("cannot resume: '%s' holds no state of fd2-eval", ev->checkpoint.path);
	say("resumed after epoch %d and %d batches", ev->done, ev->batches_done);
	log_event(json_pack(
	    "{s:s, s:i, s:i}", "event", "resume", "epoch", ev->done, "step", ev->batches_done));
	return 0;
}

int evaluation_load(struct evaluation *ev)
{
	json_t *state = NULL;
	int err = ev->config->out.resume ? checkpoint_load(&ev->checkpoint, &state) : 0;
	if (!err && state)
		err = take_state(ev, state);
	json_decref(state);
	return err;
}
