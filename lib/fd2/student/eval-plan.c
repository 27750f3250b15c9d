/* What fd2-eval is about to do, and with --dry-run what it will take. */
#include <math.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/plan.h"
#include "lib/fd2/student/evaluation.h"
#include "lib/nn/weights.h"

/* The last epoch of labels again, where there are too few. */
static double time_training(void *stage)
{
	struct evaluation *r = stage;
	if (r->done < r->labels.epochs && r->batches_done % r->epoch.batches == 0) {
		int got = evaluation_next_epoch(r, r->done++);
		if (got <= 0)
			return got < 0 ? -1 : fail("the labels end before epoch %d", r->done);
		r->batches_done = 0;
	}
	int err = evaluation_train_batch(r, r->done - 1, r->batches_done++ % r->epoch.batches);
	for (int k = 0; k < r->config->n_students && !err; k++)
		err = student_settle(&r->students[k]);
	return err ? -1 : 1;
}

static double time_measuring(void *stage)
{
	struct evaluation *r = stage;
	struct dataset some = r->val;
	some.n = some.n < 64 ? some.n : 64;
	return evaluation_measure(r, &some) ? -1 : some.n;
}

static double bytes(void *stage)
{
	const struct evaluation *r = stage;
	double line = 700;
	return line * r->config->n_students +
	       (r->config->out.save ? weights_bytes(&r->students->net.params) : 0);
}

int evaluation_tell_plan(struct evaluation *r)
{
	const struct eval_config *c = r->config;
	int left = r->epochs - r->done, steps = epoch_whole_batches(&r->epoch);
	double validations = r->val_every ? ceil((double)left / (double)r->val_every) : 1;
	struct plan p = {.stage = r, .bytes = bytes};
	p.work = xasprintf("%s, %s of %s of %d classes; %s on %s, %d to test on",
	    counted(c->n_students, "students").text, counted(left, "epochs").text,
	    counted(r->images.n, "images").text, r->labels.classes,
	    counted((long)validations, "validations").text, counted(r->val.n, "images").text,
	    r->test.n);
	p.parts[0] = (struct plan_part){"steps", (double)left * steps, time_training};
	p.parts[1] = (struct plan_part){
	    "held-out images", validations * r->val.n + 2.0 * r->test.n, time_measuring};
	if (c->dry_run)
		r->done = r->batches_done = 0;
	return plan_tell(&p, c->dry_run);
}
