/* Draws the views of an epoch and labels the batches that get labels. */
#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/base/rng.h"
#include "lib/base/stop.h"
#include "lib/fd2/labels/relabel-run.h"

int relabel_take(void *run, Reading *logits, int i)
{
	struct relabel_run *r = run;
	size_t row = (size_t)r->drawn.starts[i] * (size_t)r->drawn.classes;
	if (tensor_read_end(logits, r->drawn.logits + row) < 0)
		return fail("cannot label: %s", tensor_error());
	int n = r->drawn.starts[i + 1] - r->drawn.starts[i];
	if (!halves_finite(r->drawn.logits + row, (int64_t)n * r->drawn.classes))
		return fail("the logits of batch %d are not finite in f16", i + 1);
	epoch_append(&r->labelled, &r->drawn, i);
	return 0;
}

int relabel_batch(struct relabel_run *r, long e, int i)
{
	int n = epoch_render(&r->drawn, i, &r->batch, &r->images, &r->teacher->normal), err = -1;
	tensor_scope_begin(NO_GRAD);
	const Tensor *logits = labeller_logits(&r->labeller, &r->batch, e, i);
	if (logits)
		err = late_next(&r->late, logits, T_F16, (int64_t)n * r->drawn.classes, i);
	tensor_scope_end();
	return err;
}

/* Decides whether batch i gets labels. Every subset of the right size is equally likely (selection
 * sampling; Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S). */
static bool is_chosen(struct sampling *s, uint64_t seed, long e, int i)
{
	struct rng random = rng_at(seed, RNG_KEEP, (uint64_t)e, (uint32_t)i, 0);
	bool chosen = rng_uniform(&random) * (double)s->left < (double)s->to_label;
	s->left--;
	s->to_label -= chosen;
	return chosen;
}

int relabel_draw(struct relabel_run *r, long e)
{
	const struct relabel_config *c = r->config;
	const struct view_draw how = {r->teacher->size, c->min_scale, c->seed};
	const int32_t *order = r->order ? fkd_order_next(r->order) : NULL;
	if (r->order && !order)
		return -1;
	epoch_draw(&r->drawn, &r->images, &how, order, e);
	r->n_chosen = 0;
	for (int i = 0; i < r->drawn.batches; i++)
		if (is_chosen(&r->sampling, c->seed, e, i))
			r->chosen[r->n_chosen++] = i;
	return 0;
}

int relabel_stop(const struct relabel_run *r)
{
	if (r->finished.reader)
		return stop_fail("'%s' is as it was; go on with --resume", r->finished.part);
	return stop_fail("'%s' has the labels of %ld of %ld epochs; go on with --resume",
	    r->finished.part, r->epochs, r->config->epochs);
}

/* Saves the labels of the first `done` chosen batches of epoch e. */
static int save_batches(struct relabel_run *r, long e, int done)
{
	return late_end(&r->late) < 0
	           ? -1
	           : epoch_checkpoint_save(&r->checkpoint, &r->drawn, r->chosen, done, e);
}

static int stop_within(struct relabel_run *r, long e, int done)
{
	if (!done)
		return r->epochs ? relabel_stop(r)
		                 : stop_fail("no batch was labelled, nothing is kept");
	if (save_batches(r, e, done) < 0)
		return -1;
	const char *file = r->checkpoint.file.path;
	return r->epochs
	           ? stop_fail("'%s' has the labels of %ld of %ld epochs, and '%s' those of "
	                       "%d of %d batches; go on with --resume",
	                 r->finished.part, r->epochs, r->config->epochs, file, done, r->n_chosen)
	           : stop_fail("'%s' has the labels of %d of %d batches of the first epoch; "
	                       "go on with --resume",
	                 file, done, r->n_chosen);
}

int relabel_epoch(struct relabel_run *r, long e)
{
	int labelled = epoch_checkpoint_load(&r->checkpoint, &r->drawn, r->chosen, r->n_chosen, e);
	if (labelled < 0)
		return -1;
	epoch_clear(&r->labelled);
	for (int i = 0; i < labelled; i++)
		epoch_append(&r->labelled, &r->drawn, r->chosen[i]);
	for (int i = labelled; i < r->n_chosen; i++) {
		if (stop_asked())
			return stop_within(r, e, i);
		if (relabel_batch(r, e, r->chosen[i]) < 0)
			return -1;
		if (checkpoint_due(&r->checkpoint.file) && save_batches(r, e, i + 1) < 0)
			return -1;
		progress_note("epoch %ld: batch %d of %d", e + 1, i + 1, r->n_chosen);
	}
	return late_end(&r->late);
}

/* Compares FILE.part with r->labelled: the epoch as it is written, but without logits. */
bool relabel_is_kept(struct relabel_run *r, long e)
{
	epoch_clear(&r->labelled);
	for (int i = 0; i < r->n_chosen; i++)
		epoch_append(&r->labelled, &r->drawn, r->chosen[i]);
	return finished_epochs_has(&r->finished, &r->labelled, e, &r->images, r->teacher->size);
}
