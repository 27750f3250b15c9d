/* Stage 5: batch-specific soft labels (FKD; fd2-method(7), LABELS). */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/up-to-date.h"
#include "lib/fd2/labels/relabel-run.h"
#include "lib/fd2/stage.h"

/* Writes an epoch out at once, since the process may end at any time, but syncs only every few
 * seconds, since the machine seldom fails. */
static int write_epoch(struct relabel_run *r, long e)
{
	static const double seconds = 5;
	if (epoch_write(&r->labelled, r->writer, e) < 0)
		return -1;
	epoch_checkpoint_remove(&r->checkpoint);
	log_event(json_pack("{s:s, s:i}", "event", "epoch", "epoch", (int)e + 1));
	if (elapsed() - r->synced < seconds)
		return 0;
	r->synced = elapsed();
	return stream_sync(r->writer);
}

static json_t *meta(const struct relabel_run *r)
{
	const struct teacher *t = r->teacher;
	const struct labeller *l = &r->labeller;
	json_t *m = opts_provenance();
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

static struct stream_writer *new_writer(const struct relabel_run *r)
{
	const char *path = r->config->out;
	if (r->finished.end.size) {
		struct out *out = out_resume(path, r->finished.end.size);
		return out ? stream_continue(out, &r->finished.end) : NULL;
	}
	struct out *out = out_open(path, r->finished.part ? OUT_KEEP : 0);
	return out ? stream_create(out, "labels", meta(r)) : NULL;
}

static int open_writer(struct relabel_run *r)
{
	if (!(r->writer = new_writer(r)))
		return -1;
	if (r->finished.epochs) {
		say("resumed after epoch %ld of %ld", r->finished.epochs, r->config->epochs);
		log_event(json_pack("{s:s, s:I, s:i}", "event", "resume", "epoch",
		    (json_int_t)r->finished.epochs, "step", 0));
	}
	return fd2_stream_flush(r->writer);
}

static int do_epoch(struct relabel_run *r, long e)
{
	if (relabel_draw(r, e) < 0)
		return -1;
	if (r->writer || !relabel_is_kept(r, e)) {
		if (!r->writer && open_writer(r) < 0)
			return -1;
		if (relabel_epoch(r, e) < 0 || write_epoch(r, e) < 0)
			return -1;
	}
	r->epochs = e + 1;
	r->bytes += epoch_bytes(&r->labelled);
	progress_at(e + 1, "epoch %ld", e + 1);
	return stop_asked() && r->epochs < r->config->epochs ? relabel_stop(r) : 0;
}

static int label_all(struct relabel_run *r)
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

static int read_images(struct relabel_run *r)
{
	struct dataset_options o = teacher_dataset(r->teacher);
	o.fit = FIT_NONE;
	o.complete = true;
	return dataset_read(&r->images, r->config->shards, r->config->n_shards, &o);
}

static int batch_size(const struct relabel_run *r)
{
	int batch = (int)r->config->batch      ? (int)r->config->batch
	            : r->teacher->classes > 10 ? 16
	                                       : 10;
	return batch < r->images.n ? batch : r->images.n;
}

static int choose_batches(struct relabel_run *r)
{
	const struct relabel_config *c = r->config;
	long all = c->epochs * epoch_whole_batches(&r->drawn);
	r->sampling = (struct sampling){all, lround(c->fraction * (double)all)};
	return r->sampling.to_label ? 0
	                            : fail("--label-fraction %g of %s is less than one",
	                                  c->fraction, counted(all, "batches").text);
}

static int prepare(struct relabel_run *r)
{
	const struct relabel_config *c = r->config;
	if (!c->dry_run && out_try(c->out, 0) < 0)
		return -1;
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
	opt_resolved("batch", json_integer(batch));
	return labeller_expect(&r->labeller, batch) < 0 ? -1 : choose_batches(r);
}

/* Opens what an earlier run left. 1: the labels are complete, and a message says so. */
static int find_kept(struct relabel_run *r)
{
	const struct relabel_config *c = r->config;
	if (!out_is_file(c->out))
		return 0;
	json_t *now = meta(r);
	/* a run stopped in its first epoch leaves only FILE.ckpt */
	int done = c->resume && !checkpoint_left(c->out)
	               ? stream_up_to_date(c->out, "labels", now, c->dry_run)
	               : 0;
	if (!done)
		done = finished_epochs_open(&r->finished, c->out, c->resume, now);
	if (!done)
		done = epoch_checkpoint_open(
		    &r->checkpoint, c->out, c->resume, json_incref(json_object_get(now, "inputs")));
	json_decref(now);
	return done;
}

/* Abandons the output; FILE.part without an epoch is of no use. */
static void abandon(struct relabel_run *r)
{
	if (r->finished.part && !r->epochs)
		unlink(r->finished.part);
	fd2_stream_abandon(r->writer);
}

static int write_labels(struct relabel_run *r)
{
	if (r->finished.part)
		stop_defer();
	int err = r->finished.reader ? 0 : open_writer(r);
	if (!err)
		err = label_all(r);
	if (!err && !r->writer)
		err = open_writer(r);
	if (!err) {
		epoch_checkpoint_remove(&r->checkpoint); /* it may be of an epoch that was kept */
		return fd2_stream_finish(r->writer);
	}
	if (r->writer)
		abandon(r);
	return -1;
}

int stage_relabel(const struct relabel_config *config)
{
	struct relabel_run r = {.config = config, .late = {relabel_take, &r}};
	int err = prepare(&r);
	if (!err)
		err = find_kept(&r);
	if (!err)
		err = relabel_tell_plan(&r);
	if (!err && !config->dry_run)
		err = write_labels(&r);
	late_free(&r.late);
	finished_epochs_close(&r.finished);
	epoch_checkpoint_free(&r.checkpoint);
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
