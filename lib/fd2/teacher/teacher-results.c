/* Reports on an epoch of training and writes the best and the last teacher. */
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/validate.h"
#include "lib/fd2/teacher/training.h"

static int count_branches(void *ctx, const Tensor *x, const int64_t *labels)
{
	struct training *t = ctx;
	struct pass pass = {.bn = BN_RUNNING};
	struct teacher_out o = teacher_forward(&t->teacher, x, &pass);
	hits_count(&t->val_hits[BACKBONE], o.p_bb, labels);
	hits_count(&t->val_hits[CAL], o.p_raw, labels);
	return stop_asked() && t->checkpoint.path ? STOPPED : 0;
}

static double percent(const struct hits *h)
{
	return 100 * hits_top1(h);
}

static void say_epoch(const struct training *t, long number)
{
	double loss = t->sums.loss / (double)t->sums.hits[BACKBONE].n;
	if (t->val.n)
		say("epoch %3ld  loss %.3f  train %5.1f %%  val: backbone %5.2f %%  cal %5.2f %%",
		    number, loss, percent(&t->sums.hits[BACKBONE]), percent(&t->val_hits[BACKBONE]),
		    percent(&t->val_hits[CAL]));
	else
		say("epoch %3ld  loss %.3f  train: backbone %5.2f %%  cal %5.2f %%", number, loss,
		    percent(&t->sums.hits[BACKBONE]), percent(&t->sums.hits[CAL]));
}

/* Training accuracy is counted while training, on augmented images. */
static void log_epoch(const struct training *t, long number)
{
	double n = (double)t->sums.hits[BACKBONE].n;
	json_t *e = json_pack("{s:s, s:i, s:o, s:o, s:f, s:f}", "event", "epoch", "epoch",
	    (int)number, "loss",
	    json_pack("{s:o, s:o}", "total", json_real_or_null(t->sums.loss / n), "center",
	        json_real_or_null(t->sums.center / n)),
	    "lr", json_real_or_null(rate_at(t, 0)), "train_backbone",
	    hits_top1(&t->sums.hits[BACKBONE]), "train_cal", hits_top1(&t->sums.hits[CAL]));
	if (t->val.n) {
		json_object_set_new(
		    e, "val_backbone", json_real(hits_top1(&t->val_hits[BACKBONE])));
		json_object_set_new(e, "val_cal", json_real(hits_top1(&t->val_hits[CAL])));
	}
	log_event(e);
}

json_t *results_inputs(const struct training *t)
{
	json_t *in = json_pack("{s:s}", "train", t->train.digest);
	if (t->config->in.init)
		json_object_set_new(in, "init", json_string(t->init));
	return in;
}

static json_t *provenance(const struct training *t, long number)
{
	json_t *p = opts_provenance();
	json_object_set_new(p, "inputs", results_inputs(t));
	json_object_set_new(p, "epoch", json_integer(number));
	if (*t->extended)
		json_object_set_new(p, "extended",
		    json_pack("{s:s, s:I}", "teacher", t->extended, "epoch", (json_int_t)t->first));
	if (t->val.n)
		json_object_set_new(p, "val",
		    json_pack("{s:s, s:f, s:f, s:s, s:s}", "digest", t->val.digest, "backbone",
		        hits_top1(&t->val_hits[BACKBONE]), "cal", hits_top1(&t->val_hits[CAL]),
		        "dtype", validation_dtype(t->config->in.fast_val), "decoding",
		        validation_decoding(t->config->in.fast_val)));
	return p;
}

int results_write(struct training *t, const char *path, long number)
{
	struct out *out = out_open(path, 0);
	return out ? teacher_write(&t->teacher, out, provenance(t, number)) : -1;
}

static int keep_best(struct training *t, long number)
{
	struct best now = {
	    number, {hits_top1(&t->val_hits[BACKBONE]), hits_top1(&t->val_hits[CAL])}};
	const double *a = now.top1, *b = t->best.top1;
	if (t->best.epoch && a[BACKBONE] + a[CAL] <= b[BACKBONE] + b[CAL])
		return 0;
	t->best = now;
	return t->config->out.best ? results_write(t, t->config->out.best, number) : 0;
}

int results_measure_some(struct training *t)
{
	struct dataset some = t->val;
	some.n = some.n < 64 ? some.n : 64;
	int err = validate(&some, (int)t->config->network.size, &t->teacher.normal,
	    t->config->in.fast_val, count_branches, t);
	return err ? -1 : some.n;
}

int results_measure(struct training *t, long number)
{
	t->val_hits[BACKBONE] = t->val_hits[CAL] = (struct hits){0};
	int err = t->val.n ? validate(&t->val, (int)t->config->network.size, &t->teacher.normal,
	                         t->config->in.fast_val, count_branches, t)
	                   : 0;
	if (err)
		return err;
	log_epoch(t, number);
	say_epoch(t, number);
	return t->val.n ? keep_best(t, number) : 0;
}

/* Prints results like Table 3 in the paper's appendix. */
void results_print_table(const struct training *t)
{
	const struct hits *last = t->val_hits;
	if (!t->val.n)
		return;
	say("%-16s %14s %14s", t->teacher.backbone.arch->name, "last epoch", "best epoch");
	say("%-16s %14ld %14ld", "epoch", t->epoch, t->best.epoch);
	say("%-16s %14ld", "attention maps", t->config->network.maps);
	say("%-16s %14g", "CAL ratio alpha", t->config->loss.alpha);
	say("%-16s %12.2f %% %12.2f %%", "backbone acc", percent(&last[BACKBONE]),
	    100 * t->best.top1[BACKBONE]);
	say("%-16s %12.2f %% %12.2f %%", "CAL acc", percent(&last[CAL]), 100 * t->best.top1[CAL]);
}
