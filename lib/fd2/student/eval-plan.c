/* Tells what fd2-eval is about to do and, with --dry-run, what it will cost. */
#include <math.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/plan.h"
#include "lib/fd2/student/evaluation.h"
#include "lib/nn/weights.h"

/* Takes a training step. Repeats the last epoch of labels if there are too few. */
static double time_training(void *stage)
{
	struct evaluation *ev = stage;
	if (ev->done < ev->labels.epochs && ev->batches_done % ev->epoch.batches == 0) {
		int got = evaluation_next_epoch(ev, ev->done++);
		if (got <= 0)
			return got < 0 ? -1 : fail("the labels end before epoch %d", ev->done);
		ev->batches_done = 0;
	}
	int err = evaluation_train_batch(ev, ev->done - 1, ev->batches_done++ % ev->epoch.batches);
	for (int k = 0; k < ev->config->n_students && !err; k++)
		err = student_settle(&ev->students[k]);
	return err ? -1 : 1;
}

static double time_measuring(void *stage)
{
	struct evaluation *ev = stage;
	struct dataset some = ev->val;
	some.n = some.n < 64 ? some.n : 64;
	return evaluation_measure(ev, &some) ? -1 : some.n;
}

static double bytes(void *stage)
{
	const struct evaluation *ev = stage;
	double line = 700;
	return line * ev->config->n_students +
	       (ev->config->out.save ? weights_bytes(&ev->students->net.params) : 0);
}

int evaluation_tell_plan(struct evaluation *ev)
{
	const struct eval_config *c = ev->config;
	int left = ev->epochs - ev->done, steps = epoch_whole_batches(&ev->epoch);
	double validations = ev->val_every ? ceil((double)left / (double)ev->val_every) : 1;
	struct plan p = {.stage = ev, .bytes = bytes};
	p.work = xasprintf("%s, %s of %s of %d classes; %s on %s, %d to test on",
	    counted(c->n_students, "students").text, counted(left, "epochs").text,
	    counted(ev->images.n, "images").text, ev->labels.classes,
	    counted((long)validations, "validations").text, counted(ev->val.n, "images").text,
	    ev->test.n);
	p.parts[0] = (struct plan_part){"steps", (double)left * steps, time_training};
	p.parts[1] = (struct plan_part){
	    "held-out images", validations * ev->val.n + 2.0 * ev->test.n, time_measuring};
	if (c->dry_run)
		ev->done = ev->batches_done = 0;
	return plan_tell(&p, c->dry_run);
}
