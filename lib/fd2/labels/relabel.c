/* Stage 5: batch-specific soft labels (FKD; fd2-method(7), LABELS). */
#include "lib/fd2/labels/relabel.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/base/rng.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/finished.h"
#include "lib/fd2/batch/late.h"
#include "lib/fd2/batch/plan.h"
#include "lib/fd2/labels/epoch-resume.h"
#include "lib/fd2/labels/fkd-order.h"
#include "lib/fd2/labels/labeller.h"
#include "lib/fd2/labels/labels.h"
#include "lib/fd2/labels/relabel-resume.h"
#include "lib/fd2/stage.h"

/* Of the batches of all epochs: how many are still to be drawn, and to be labelled. */
struct sampling {
	long left, to_label;
};

struct run {
	const struct relabel_config *config;
	struct labeller labeller;
	const struct teacher *teacher; /* the first: its classes, size, mean and std are all's */
	struct dataset images;
	struct fkd_order *order; /* NULL: fd2's own */
	struct batch batch;
	struct epoch drawn, labelled; /* all of the epoch's batches, and those with labels */
	int *chosen, n_chosen;        /* which of the epoch's batches are labelled */
	struct sampling sampling;
	struct late late; /* the logits of a batch */
	struct kept kept;
	struct begun begun;
	struct stream_writer *writer; /* NULL: until the first epoch that is not kept */
	long epochs;                  /* that the output holds */
	double synced;                /* when the output was last made durable */
	size_t bytes;                 /* of the labels' tensors */
};

static int take_logits(void *ctx, Reading *logits, int i)
{
	struct run *r = ctx;
	size_t row = (size_t)r->drawn.starts[i] * (size_t)r->drawn.classes;
	if (tensor_read_end(logits, r->drawn.logits + row) < 0)
		return fail("cannot label: %s", tensor_error());
	int n = r->drawn.starts[i + 1] - r->drawn.starts[i];
	if (!halves_finite(r->drawn.logits + row, (int64_t)n * r->drawn.classes))
		return fail("the logits of batch %d are not finite in f16", i + 1);
	epoch_append(&r->labelled, &r->drawn, i);
	return 0;
}

static int label_batch(struct run *r, long e, int i)
{
	int n = epoch_render(&r->drawn, i, &r->batch, &r->images, &r->teacher->normal), err = -1;
	tensor_scope_begin(NO_GRAD);
	const Tensor *logits = labeller_logits(&r->labeller, &r->batch, e, i);
	if (logits)
		err = late_next(&r->late, logits, T_F16, (int64_t)n * r->drawn.classes, i);
	tensor_scope_end();
	return err;
}

/* Every subset of that size is equally likely (selection sampling; Knuth, The Art of
 * Computer Programming 2, algorithm 3.4.2 S). */
static bool is_chosen(struct sampling *s, uint64_t seed, long e, int i)
{
	struct rng random = rng_at(seed, RNG_KEEP, (uint64_t)e, (uint32_t)i, 0);
	bool chosen = rng_uniform(&random) * (double)s->left < (double)s->to_label;
	s->left--;
	s->to_label -= chosen;
	return chosen;
}

static int draw_epoch(struct run *r, long e)
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

/* Between epochs. */
static int stop(const struct run *r)
{
	if (r->kept.reader)
		return stop_fail("'%s' is as it was; go on with --resume", r->kept.part);
	return stop_fail("'%s' has the labels of %ld of %ld epochs; go on with --resume",
	    r->kept.part, r->epochs, r->config->epochs);
}

/* The first `done` batches of epoch e have labels. */
static int save_batches(struct run *r, long e, int done)
{
	return late_end(&r->late) < 0 ? -1 : begun_save(&r->begun, &r->drawn, r->chosen, done, e);
}

static int stop_within(struct run *r, long e, int done)
{
	if (!done)
		return r->epochs ? stop(r) : stop_fail("no batch was labelled, nothing is kept");
	if (save_batches(r, e, done) < 0)
		return -1;
	const char *file = r->begun.file.path;
	return r->epochs ? stop_fail("'%s' has the labels of %ld of %ld epochs, and '%s' those of "
	                             "%d of %d batches; go on with --resume",
	                       r->kept.part, r->epochs, r->config->epochs, file, done, r->n_chosen)
	                 : stop_fail("'%s' has the labels of %d of %d batches of the first epoch; "
	                             "go on with --resume",
	                       file, done, r->n_chosen);
}

static int label_epoch(struct run *r, long e)
{
	int begun = begun_take(&r->begun, &r->drawn, r->chosen, r->n_chosen, e);
	if (begun < 0)
		return -1;
	epoch_clear(&r->labelled);
	for (int i = 0; i < begun; i++)
		epoch_append(&r->labelled, &r->drawn, r->chosen[i]);
	for (int i = begun; i < r->n_chosen; i++) {
		if (stop_asked())
			return stop_within(r, e, i);
		if (label_batch(r, e, r->chosen[i]) < 0)
			return -1;
		if (checkpoint_due(&r->begun.file) && save_batches(r, e, i + 1) < 0)
			return -1;
		progress_note("epoch %ld: batch %d of %d", e + 1, i + 1, r->n_chosen);
	}
	return late_end(&r->late);
}

/* The views of the epoch as they are written, without labels. */
static bool is_kept(struct run *r, long e)
{
	epoch_clear(&r->labelled);
	for (int i = 0; i < r->n_chosen; i++)
		epoch_append(&r->labelled, &r->drawn, r->chosen[i]);
	return kept_take(&r->kept, &r->labelled, e, &r->images, r->teacher->size);
}

/* The process may end at any time, the machine seldom. */
static int write_epoch(struct run *r, long e)
{
	static const double seconds = 5;
	if (epoch_write(&r->labelled, r->writer, e) < 0)
		return -1;
	begun_end(&r->begun);
	log_event(json_pack("{s:s, s:i}", "event", "epoch", "epoch", (int)e + 1));
	if (elapsed() - r->synced < seconds)
		return 0;
	r->synced = elapsed();
	return stream_sync(r->writer);
}

static json_t *meta(const struct run *r)
{
	const struct teacher *t = r->teacher;
	const struct labeller *l = &r->labeller;
	json_t *m = fd2_provenance();
	json_t *inputs = json_pack("{s:s}", "images", r->images.digest);
	teachers_describe(&l->teachers, inputs);
	json_object_set_new(m, "inputs", inputs);
	json_object_set_new(m, "weights", numbers_to_json(l->weights, l->teachers.n));
	json_object_set_new(
	    m, "classes", names_to_json((const char *const *)t->class_names, t->classes));
	json_object_set_new(m, "images", json_integer(r->images.n));
	json_object_set_new(m, "batch", json_integer(r->drawn.batch));
	json_object_set_new(m, "epochs", json_integer(r->config->epochs));
	json_object_set_new(m, "batches", json_integer(r->sampling.to_label));
	json_object_set_new(m, "size", json_integer(t->size));
	json_object_set_new(m, "fit", json_string(fit_name(t->fit)));
	json_object_set_new(m, "halves", json_boolean(l->batch_bn));
	json_object_set_new(m, "mean", numbers_to_json(t->normal.mean, 3));
	json_object_set_new(m, "std", numbers_to_json(t->normal.std, 3));
	view_options_to_meta(&r->drawn.options, m);
	return m;
}

static struct stream_writer *new_writer(const struct run *r)
{
	const char *path = r->config->out;
	if (r->kept.end.size) {
		struct out *out = out_resume(path, r->kept.end.size);
		return out ? stream_continue(out, &r->kept.end) : NULL;
	}
	struct out *out = out_open(path, r->kept.part ? OUT_KEEP : 0);
	return out ? stream_create(out, "labels", meta(r)) : NULL;
}

static int open_writer(struct run *r)
{
	if (!(r->writer = new_writer(r)))
		return -1;
	if (r->kept.epochs) {
		say("resumed after epoch %ld of %ld", r->kept.epochs, r->config->epochs);
		log_event(json_pack("{s:s, s:I, s:i}", "event", "resume", "epoch",
		    (json_int_t)r->kept.epochs, "step", 0));
	}
	return fd2_stream_flush(r->writer);
}

static int do_epoch(struct run *r, long e)
{
	if (draw_epoch(r, e) < 0)
		return -1;
	if (r->writer || !is_kept(r, e)) {
		if (!r->writer && open_writer(r) < 0)
			return -1;
		if (label_epoch(r, e) < 0 || write_epoch(r, e) < 0)
			return -1;
	}
	r->epochs = e + 1;
	r->bytes += epoch_bytes(&r->labelled);
	progress_at(e + 1, "epoch %ld", e + 1);
	return stop_asked() && r->epochs < r->config->epochs ? stop(r) : 0;
}

static int label_all(struct run *r)
{
	long epochs = r->config->epochs, batches = r->sampling.to_label;
	progress_start("relabel", "epochs", epochs);
	for (long e = 0; e < epochs; e++)
		if (do_epoch(r, e) < 0)
			return -1;
	progress_end();
	chat("%s (%.0f bytes in all), %s of labels (%zu bytes)",
	    counted(r->images.n, "images").text, r->images.sizes_sum,
	    counted(batches, "batches").text, r->bytes);
	log_event(json_pack("{s:s, s:I, s:I, s:I}", "event", "labels", "batches",
	    (json_int_t)batches, "image_bytes", (json_int_t)r->images.sizes_sum, "label_bytes",
	    (json_int_t)r->bytes));
	return 0;
}

static int read_images(struct run *r)
{
	struct dataset_options o = {.fit = FIT_NONE,
	    .complete = true,
	    .known = (const char *const *)r->teacher->class_names,
	    .n_known = r->teacher->classes,
	    .known_by = "the teacher"};
	return dataset_read(&r->images, r->config->shards, r->config->n_shards, &o);
}

static int batch_size(const struct run *r)
{
	int batch = (int)r->config->batch      ? (int)r->config->batch
	            : r->teacher->classes > 10 ? 16
	                                       : 10;
	return batch < r->images.n ? batch : r->images.n;
}

static int choose_batches(struct run *r)
{
	const struct relabel_config *c = r->config;
	long all = c->epochs * epoch_whole_batches(&r->drawn);
	r->sampling = (struct sampling){all, lround(c->fraction * (double)all)};
	return r->sampling.to_label ? 0
	                            : fail("--label-fraction %g of %s is less than one",
	                                  c->fraction, counted(all, "batches").text);
}

static int prepare(struct run *r)
{
	const struct relabel_config *c = r->config;
	if (labeller_init(
	        &r->labeller, &c->teachers, &c->weights, c->bn == LABEL_BN_BATCH, c->seed) < 0)
		return -1;
	r->teacher = &r->labeller.teachers.v[0];
	if (read_images(r) < 0)
		return -1;
	int batch = batch_size(r);
	struct view_options options = {c->mix, c->shuffle_patches};
	batch_init(&r->batch, batch, r->teacher->size);
	epoch_init(&r->drawn, r->images.n, batch, r->teacher->classes, &options);
	epoch_init(&r->labelled, r->images.n, batch, r->teacher->classes, &options);
	r->chosen = xcalloc((size_t)r->drawn.batches, sizeof *r->chosen);
	if (c->order == ORDER_FKD && !(r->order = fkd_order_new(&r->images, (uint64_t)c->fkd_seed)))
		return -1;
	dataset_warn_missing(&r->images, NULL);
	fd2_resolved("batch", json_integer(batch));
	return labeller_expect(&r->labeller, batch) < 0 ? -1 : choose_batches(r);
}

static double label_some(void *stage)
{
	struct run *r = stage;
	const struct sampling whole = r->sampling;
	int i = r->labelled.batches % r->drawn.batches;
	if (!i && draw_epoch(r, 0) < 0)
		return -1;
	r->sampling = whole;
	if (!i)
		epoch_clear(&r->labelled);
	return label_batch(r, 0, i) < 0 || late_end(&r->late) < 0 ? -1 : 1;
}

static double bytes(void *stage)
{
	const struct run *r = stage;
	const double meta = 700, heads = 430; /* of the stream; of an epoch's records */
	double per_batch = (double)epoch_bytes(&r->labelled) / r->labelled.batches;
	return meta + per_batch * (double)r->sampling.to_label + heads * (double)r->config->epochs;
}

/* Batches without labels in FILE.part and FILE.ckpt. -1: fail_message. */
static long count_left(struct run *r)
{
	const struct sampling all = r->sampling;
	long left = all.to_label, e = 0;
	for (bool kept = r->kept.reader; kept && e < r->config->epochs; e += kept) {
		if (draw_epoch(r, e) < 0)
			return -1;
		if ((kept = is_kept(r, e)))
			left = r->sampling.to_label;
	}
	epoch_clear(&r->labelled);
	r->sampling = all;
	return left - (r->begun.epoch == e ? r->begun.batches : 0);
}

static int tell_plan(struct run *r)
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

/* What an earlier run left. 1: the labels are whole, which is said. */
static int find_kept(struct run *r)
{
	const struct relabel_config *c = r->config;
	if (!out_is_file(c->out))
		return 0;
	json_t *now = meta(r);
	/* a run that is stopped in its first epoch leaves its state alone */
	int done = c->resume && !checkpoint_left(c->out)
	               ? finished_stream(c->out, "labels", now, c->dry_run)
	               : 0;
	if (!done)
		done = kept_open(&r->kept, c->out, c->resume, now);
	if (!done)
		done = begun_init(
		    &r->begun, c->out, c->resume, json_incref(json_object_get(now, "inputs")));
	json_decref(now);
	return done;
}

/* A partial file without an epoch is of no use. */
static void abandon(struct run *r)
{
	if (r->kept.part && !r->epochs)
		unlink(r->kept.part);
	fd2_stream_abandon(r->writer);
}

static int write_labels(struct run *r)
{
	if (r->kept.part)
		stop_defer();
	int err = r->kept.reader ? 0 : open_writer(r);
	if (!err)
		err = label_all(r);
	if (!err && !r->writer)
		err = open_writer(r);
	if (!err) {
		begun_end(&r->begun); /* of an epoch that was kept */
		return fd2_stream_finish(r->writer);
	}
	if (r->writer)
		abandon(r);
	return -1;
}

int stage_relabel(const struct relabel_config *config)
{
	struct run r = {.config = config, .late = {take_logits, &r}};
	int err = prepare(&r);
	if (!err)
		err = find_kept(&r);
	if (!err)
		err = tell_plan(&r);
	if (!err && !config->dry_run)
		err = write_labels(&r);
	late_free(&r.late);
	kept_close(&r.kept);
	begun_free(&r.begun);
	free(r.chosen);
	fkd_order_free(r.order);
	epoch_free(&r.drawn);
	epoch_free(&r.labelled);
	batch_free(&r.batch);
	dataset_free(&r.images);
	labeller_free(&r.labeller);
	return err < 0 ? -1 : 0;
}

STAGE(stage_relabel)
