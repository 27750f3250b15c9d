/* The plan of fd2-relabel. */
#include "lib/base/err.h"
#include "lib/fd2/batch/plan.h"
#include "lib/fd2/labels/relabel-run.h"

static double label_some(void *stage)
{
	struct relabel_run *r = stage;
	const struct sampling whole = r->sampling;
	int i = r->labelled.batches % r->drawn.batches;
	if (!i && relabel_draw(r, 0) < 0)
		return -1;
	r->sampling = whole;
	if (!i)
		epoch_clear(&r->labelled);
	return relabel_batch(r, 0, i) < 0 || late_end(&r->late) < 0 ? -1 : 1;
}

static double bytes(void *stage)
{
	const struct relabel_run *r = stage;
	const double meta = 700, heads = 430; /* bytes per stream; per epoch */
	double per_batch = (double)epoch_bytes(&r->labelled) / r->labelled.batches;
	return meta + per_batch * (double)r->sampling.to_label + heads * (double)r->config->epochs;
}

/* Returns how many batches have no labels in FILE.part and FILE.ckpt. -1: fail_message. */
static long count_left(struct relabel_run *r)
{
	const struct sampling all = r->sampling;
	long left = all.to_label, e;
	for (e = 0; e < r->config->epochs && r->finished.reader; e++) {
		if (relabel_draw(r, e) < 0)
			return -1;
		if (!relabel_is_kept(r, e))
			break;
		left = r->sampling.to_label;
	}
	epoch_clear(&r->labelled);
	r->sampling = all;
	return left - (r->checkpoint.epoch == e ? r->checkpoint.batches : 0);
}

int relabel_tell_plan(struct relabel_run *r)
{
	const struct relabel_config *c = r->config;
	long left = c->dry_run ? count_left(r) : 0;
	if (left < 0)
		return -1;
	struct plan p = {.stage = r,
	    .work = xasprintf("%s of labels of %s of %d classes, by %s: %s of %d",
	        counted(c->epochs, "epochs").text, counted(r->images.n, "images").text,
	        r->teacher->classes, counted(r->labeller.teachers.n, "teachers").text,
	        counted(r->sampling.to_label, "batches").text, r->drawn.batch),
	    .parts = {{"batches", (double)left, label_some}},
	    .bytes = bytes};
	return plan_tell(&p, c->dry_run);
}
