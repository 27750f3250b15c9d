/* Writes a label stream as a label store of the FKD family. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/fkd/fkd.h"
#include "lib/base/err.h"
#include "lib/base/folder.h"
#include "lib/base/progress.h"
#include "lib/base/provenance.h"
#include "lib/fd2/labels/fkd-map.h"
#include "lib/fd2/labels/fkd-order.h"
#include "lib/fd2/labels/exchange.h"
#include "lib/fd2/labels/label-set.h"
#include "lib/fd2/stage.h"

struct run {
	const struct fkd_job *job;
	struct label_set labels;
	struct dataset images;
	struct epoch epoch;
	struct fkd_order *order;
	struct folder *folder;
	struct fkd_batch batch;
	struct blob file;
};

/* Fills in the backbone's logits. CAL's are unknown: NaN, so that a program that uses them
 * notices. */
static void fill_logits(struct fkd_batch *b, const uint16_t *logits)
{
	const uint16_t nan = 0x7e00;
	size_t n = (size_t)b->n * (size_t)b->classes, first = b->branches == 2 ? n : 0;
	for (size_t i = 0; i < first; i++)
		b->logits[i] = nan;
	memcpy(b->logits + first, logits, n * sizeof *b->logits);
}

static void fill(struct run *r, int i)
{
	struct fkd_batch *b = &r->batch;
	const struct epoch *e = &r->epoch;
	const struct view *views = e->views + e->starts[i];
	const struct mix *m = &e->mixes[i];
	b->n = epoch_size(e, i);
	b->mixing = m->kind == MIX_MIXUP ? FKD_MIXUP : FKD_CUTMIX;
	b->classes = e->classes;
	b->branches = r->job->two_branches ? 2 : 1;
	b->lambda = m->lambda;
	memcpy(b->box, (int64_t[]){m->y0, m->x0, m->y1, m->x1}, sizeof b->box);
	for (int k = 0; k < b->n; k++) {
		const struct view *v = &views[k];
		const struct image *im = &r->images.v[v->image].image;
		float *coords = b->coords + 4 * k;
		coords[0] = (float)((double)v->box.y / im->h);
		coords[1] = (float)((double)v->box.x / im->w);
		coords[2] = (float)((double)v->box.h / im->h);
		coords[3] = (float)((double)v->box.w / im->w);
		b->flips[k] = v->flip;
		b->with[k] = v->with;
	}
	fill_logits(b, e->logits + (size_t)e->starts[i] * e->classes);
}

static int check_order(struct run *r, long number)
{
	const int32_t *theirs = fkd_order_next(r->order);
	if (!theirs)
		return -1;
	for (int i = 0; i < r->epoch.n; i++)
		if (r->epoch.views[i].image != theirs[i])
			return fail(
			    "epoch %ld of the labels goes through the images in another order "
			    "than FKD's sampler with seed %ld; make labels with fd2-relabel "
			    "--order fkd --fkd-seed %ld",
			    number, r->job->fkd_seed, r->job->fkd_seed);
	return 0;
}

static int put_epoch(struct run *r, long number)
{
	int got = epoch_read(&r->epoch, r->labels.stream, number, &r->images, r->labels.size);
	if (got <= 0)
		return got < 0 ? -1
		               : fail("the labels end before epoch %ld of %d", number,
		                     r->labels.epochs);
	if (check_order(r, number) < 0)
		return -1;
	for (int i = 0; i < r->epoch.batches; i++) {
		char *name = xasprintf("epoch_%ld/batch_%d.tar", number, i);
		fill(r, i);
		int err = fkd_write(&r->batch, &r->file);
		if (!err)
			err = folder_put(r->folder, name, r->file.data, r->file.size);
		free(name);
		if (err < 0)
			return -1;
	}
	return 0;
}

static int put_all(struct run *r)
{
	progress_start("export", "epochs", r->labels.epochs);
	for (long e = 0; e < r->labels.epochs; e++) {
		if (put_epoch(r, e) < 0)
			return -1;
		progress_at(e + 1, "epoch %ld", e + 1);
	}
	progress_end();
	return label_set_end(&r->labels);
}

static int prepare(struct run *r)
{
	struct label_set *l = &r->labels;
	if (label_set_open(l, r->job->from) < 0 ||
	    label_set_images(l, &r->images, (char **)r->job->images.v, r->job->images.n) < 0)
		return -1;
	if (l->views.shuffled)
		return fail("the labels are of images with shuffled quarters, for which FKD's "
		            "stores have no place");
	int batch = l->batch < r->images.n ? l->batch : r->images.n;
	if (batch > FKD_BATCH_MAX)
		return fail("the labels have batches of %d; FKD's stores hold up to %d", batch,
		    FKD_BATCH_MAX);
	epoch_init(&r->epoch, r->images.n, batch, l->classes, &l->views);
	long all = (long)l->epochs * r->epoch.batches,
	     batches = label_set_batches(l, r->epoch.batches);
	if (batches != all)
		return batches < 0
		           ? -1
		           : fail("the labels lack batches (fd2-relabel --label-fraction), which "
		                  "FKD's stores must have");
	r->batch.coords = xcalloc((size_t)batch, 4 * sizeof *r->batch.coords);
	r->batch.flips = xcalloc((size_t)batch, sizeof *r->batch.flips);
	r->batch.with = xcalloc((size_t)batch, sizeof *r->batch.with);
	r->batch.logits = xcalloc(2 * (size_t)batch * l->classes, sizeof *r->batch.logits);
	r->order = fkd_order_new(&r->images, (uint64_t)r->job->fkd_seed);
	return r->order ? 0 : -1;
}

static struct out *open_map(const struct run *r)
{
	char *path = fkd_map_path(r->job->out);
	struct out *map =
	    access(path, F_OK)
	        ? out_open(path, OUT_TEXT)
	        : fail_null("'%s' already exists; remove it, or name another folder", path);
	char *text = json_dumps(fd2_stream_meta(r->labels.stream), JSON_INDENT(1) | JSON_DECIMALS);
	if (map && (out_write(map, text, strlen(text)) < 0 || out_write(map, "\n", 1) < 0 ||
	               out_sync(map) < 0)) {
		out_abandon(map);
		map = NULL;
	}
	free(text);
	free(path);
	return map;
}

/* Publishes the map before the store: a store without it could be taken for another set's. */
static int write_store(struct run *r)
{
	struct out *map = open_map(r);
	r->folder = map ? folder_create(r->job->out) : NULL;
	if (!r->folder) {
		if (map)
			out_abandon(map);
		return -1;
	}
	if (put_all(r) < 0 || out_close(map) < 0) {
		folder_abandon(r->folder);
		return -1;
	}
	return folder_close(r->folder);
}

int stage_fkd_write(const struct fkd_job *job)
{
	struct run r = {.job = job};
	int err = prepare(&r);
	if (!err)
		err = write_store(&r);
	if (!err)
		say("%s: %s of %s, %s of %d classes", job->out,
		    counted(r.labels.epochs, "epochs").text,
		    counted(r.epoch.batches, "batches").text, counted(r.epoch.n, "images").text,
		    r.epoch.classes);
	label_set_close(&r.labels);
	fkd_free(&r.batch);
	free(r.file.data);
	fkd_order_free(r.order);
	epoch_free(&r.epoch);
	dataset_free(&r.images);
	return err;
}

STAGE(stage_fkd_write)
