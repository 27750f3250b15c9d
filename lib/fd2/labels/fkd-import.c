/* Reads a label store of the FKD family into a label stream. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/fkd/fkd.h"
#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/fd2/labels/fkd-map.h"
#include "lib/fd2/labels/fkd-order.h"
#include "lib/fd2/labels/exchange.h"
#include "lib/fd2/labels/labels.h"
#include "lib/fd2/stage.h"

enum { EPOCHS_MAX = 100000, THEIR_SIZE = 224 };

struct run {
	const struct fkd_job *job;
	struct dataset images;
	struct epoch epoch;
	struct fkd_order *order;
	json_t *map; /* STORE.json, or NULL */
	int size, epochs;
	int branches;           /* of every batch */
	enum fkd_mixing mixing; /* of every batch */
};

static char *batch_path(const struct run *r, long number, int i)
{
	return xasprintf("%s/epoch_%ld/batch_%d.tar", r->job->from, number, i);
}

/* Finds the pixels that PIL's crop takes from `at` on: it rounds both ends, half to even. -1:
 * outside 0..side. */
static int interval(float at, float length, int side, int *first, int *count)
{
	double begin = nearbyint((double)at * side),
	       end = nearbyint((double)at * side + (double)length * side);
	if (!(begin >= 0 && end <= side && end > begin))
		return -1;
	*first = (int)begin;
	*count = (int)(end - begin);
	return 0;
}

static int take_view(
    struct view *v, const struct fkd_batch *b, int k, const struct dataset *d, const char *path)
{
	const struct item *it = &d->v[v->image];
	const float *coords = b->coords + 4 * k;
	if (interval(coords[1], coords[3], it->image.w, &v->box.x, &v->box.w) < 0 ||
	    interval(coords[0], coords[2], it->image.h, &v->box.y, &v->box.h) < 0)
		return fail("'%s' crops outside of image '%s'", path, it->key);
	if (b->with[k] < 0 || b->with[k] >= b->n)
		return fail("'%s' mixes with sample %lld of %d", path, (long long)b->with[k], b->n);
	v->flip = b->flips[k] != 0;
	v->with = (int32_t)b->with[k];
	return 0;
}

static int take_logits(struct run *r, const struct fkd_batch *b, int first, const char *path)
{
	size_t K = (size_t)b->classes, n = (size_t)b->n * K;
	const uint16_t *from = b->logits + (b->branches == 2 ? r->job->branch * n : 0);
	if (!halves_finite(from, (int64_t)n))
		return fail("'%s' has labels%s that are not finite", path,
		    b->branches == 1            ? ""
		    : r->job->branch == FKD_CAL ? " of CAL"
		                                : " of the backbone");
	memcpy(r->epoch.logits + (size_t)first * K, from, n * sizeof *from);
	return 0;
}

static int take_batch(struct run *r, const struct fkd_batch *b, int i, const char *path)
{
	struct epoch *e = &r->epoch;
	int first = e->starts[i], n = epoch_size(e, i);
	const int64_t *box = b->box;
	if (b->n != n)
		return fail("'%s' has %d samples where %d images in batches of %d leave %d", path,
		    b->n, e->n, e->batch, n);
	if (b->classes != e->classes)
		return fail("'%s' has labels of %d classes, and the images have %d", path,
		    b->classes, e->classes);
	if (b->branches != r->branches)
		return fail("'%s' has labels of %d branches, and the first batch of %d", path,
		    b->branches, r->branches);
	if (b->mixing != r->mixing)
		return fail("'%s' is mixed differently from the first batch", path);
	if (box[0] < 0 || box[1] < 0 || box[2] < box[0] || box[3] < box[1] || box[2] > r->size ||
	    box[3] > r->size)
		return fail(
		    "'%s' mixes outside of %d x %d pixels; give the network's input with --size",
		    path, r->size, r->size);
	if (!(b->lambda >= 0 && b->lambda <= 1))
		return fail("'%s' has a mix_lam outside [0, 1]", path);
	for (int k = 0; k < n; k++)
		if (take_view(&e->views[first + k], b, k, &r->images, path) < 0)
			return -1;
	e->mixes[i] = (struct mix){
	    e->options.mix, (float)b->lambda, (int)box[1], (int)box[0], (int)box[3], (int)box[2]};
	return take_logits(r, b, first, path);
}

static int read_batch(struct run *r, long number, int i)
{
	char *path = batch_path(r, number, i);
	struct fkd_batch b;
	int err = fkd_read(&b, path);
	if (!err)
		err = take_batch(r, &b, i, path);
	fkd_free(&b);
	free(path);
	return err;
}

/* Checks that no batch follows the last. */
static int check_end(const struct run *r, long number)
{
	char *path = batch_path(r, number, r->epoch.batches);
	int err = access(path, F_OK) ? 0
	                             : fail("'%s' is one more than %d images in batches of %d fill",
	                                   path, r->epoch.n, r->epoch.batch);
	free(path);
	return err;
}

static int read_epoch(struct run *r, long number)
{
	const int32_t *ids = fkd_order_next(r->order);
	if (!ids)
		return -1;
	for (int i = 0; i < r->epoch.n; i++)
		r->epoch.views[i].image = ids[i];
	for (int i = 0; i < r->epoch.batches; i++)
		if (read_batch(r, number, i) < 0)
			return -1;
	return check_end(r, number);
}

/* Counts epochs like FKD's own programs: every entry of the folder is one. */
static int count_epochs(struct run *r)
{
	DIR *d = opendir(r->job->from);
	const struct dirent *entry;
	int err = 0;
	if (!d)
		return fail("cannot open '%s': %s", r->job->from, strerror(errno));
	while (!err && (entry = readdir(d))) {
		const char *name = entry->d_name;
		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		if (strncmp(name, "epoch_", 6) != 0 ||
		    strspn(name + 6, "0123456789") != strlen(name + 6) || !name[6])
			err = fail("'%s' contains '%s', which is not an epoch of labels",
			    r->job->from, name);
		else if (++r->epochs > EPOCHS_MAX)
			err = fail("'%s' contains more than %d epochs", r->job->from, EPOCHS_MAX);
	}
	closedir(d);
	return err || r->epochs ? err : fail("'%s' contains no epoch of labels", r->job->from);
}

static int first_batch(struct run *r, int *batch)
{
	char *path = batch_path(r, 0, 0);
	struct fkd_batch b;
	int err = fkd_read(&b, path);
	if (!err && b.n > r->images.n)
		err = fail("'%s' has %d samples, and there are %d images", path, b.n, r->images.n);
	if (!err && b.branches == 1 && r->job->branch == FKD_CAL)
		err = fail("'%s' has labels of one network, and none of CAL", path);
	*batch = b.n;
	r->branches = b.branches;
	r->mixing = b.mixing;
	fkd_free(&b);
	free(path);
	return err;
}

static int check_map(struct run *r, const char *path)
{
	const char *images = NULL;
	int size = 0;
	if (r->map &&
	    json_unpack(r->map, "{s:{s:s}, s:i}", "inputs", "images", &images, "size", &size))
		return fail("'%s' does not say which images '%s' is for", path, r->job->from);
	if (images && digests_differ(images, r->images.digest))
		return fail("'%s' is for another distilled set (%.12s...) than this one (%.12s...)",
		    r->job->from, images, r->images.digest);
	r->size = r->job->size ? (int)r->job->size : size ? size : THEIR_SIZE;
	if (r->size >= 8 && r->size <= 4096)
		return 0;
	return r->job->size ? fail("--size is %d, and networks take 8 to 4096 pixels", r->size)
	                    : fail("'%s' has a size of %d pixels", path, size);
}

static int read_map(struct run *r)
{
	char *path = fkd_map_path(r->job->from);
	int err = fkd_map_read(&r->map, r->job->from);
	if (!err)
		err = check_map(r, path);
	free(path);
	return err;
}

/* Takes the view options from the map. Without it, an unmixed store of ours looks like CutMix with
 * empty boxes. */
static int views_of(const struct run *r, struct view_options *views)
{
	static const enum mix_kind kinds[] = {
	    [FKD_UNMIXED] = MIX_NONE, [FKD_CUTMIX] = MIX_CUTMIX, [FKD_MIXUP] = MIX_MIXUP};
	*views = (struct view_options){kinds[r->mixing], false};
	if (!json_object_get(r->map, "mix"))
		return 0;
	if (view_options_from_meta(views, r->map) < 0)
		return -1;
	return views->shuffled || (views->mix == MIX_MIXUP) != (r->mixing == FKD_MIXUP)
	           ? fail("'%s' is not mixed as the JSON file next to it says", r->job->from)
	           : 0;
}

static int prepare(struct run *r)
{
	struct view_options views;
	struct dataset_options o = {.fit = FIT_NONE, .complete = true};
	int batch;
	if (dataset_read(&r->images, (char **)r->job->images.v, r->job->images.n, &o) < 0)
		return -1;
	if (read_map(r) < 0 || count_epochs(r) < 0 || first_batch(r, &batch) < 0 ||
	    views_of(r, &views) < 0)
		return -1;
	epoch_init(&r->epoch, r->images.n, batch, r->images.n_classes, &views);
	r->order = fkd_order_new(&r->images, (uint64_t)r->job->fkd_seed);
	return r->order ? 0 : -1;
}

/* Returns the map's value, or `otherwise`: what the programs that write such stores do. */
static json_t *known(const struct run *r, const char *key, json_t *otherwise)
{
	json_t *v = json_object_get(r->map, key);
	if (!v)
		return otherwise;
	json_decref(otherwise);
	return json_incref(v);
}

static json_t *meta(const struct run *r)
{
	const struct normal imagenet = {{IMAGENET_MEAN}, {IMAGENET_STD}};
	json_t *m = opts_provenance(), *inputs = known(r, "inputs", json_object()),
	       *weights = json_object_get(r->map, "weights");
	json_object_set_new(inputs, "images", json_string(r->images.digest));
	json_object_set_new(m, "inputs", inputs);
	if (weights)
		json_object_set(m, "weights", weights);
	json_object_set_new(m, "classes",
	    names_to_json((const char *const *)r->images.classes, r->images.n_classes));
	json_object_set_new(m, "images", json_integer(r->images.n));
	json_object_set_new(m, "batch", json_integer(r->epoch.batch));
	json_object_set_new(m, "epochs", json_integer(r->epochs));
	json_object_set_new(m, "batches", json_integer((json_int_t)r->epochs * r->epoch.batches));
	json_object_set_new(m, "size", json_integer(r->size));
	json_object_set_new(m, "fit", known(r, "fit", json_string("short")));
	json_object_set_new(m, "halves",
	    r->job->bn != LABEL_BN_UNSET ? json_boolean(r->job->bn == LABEL_BN_BATCH)
	                                 : known(r, "halves", json_true()));
	json_object_set_new(m, "mean", known(r, "mean", numbers_to_json(imagenet.mean, 3)));
	json_object_set_new(m, "std", known(r, "std", numbers_to_json(imagenet.std, 3)));
	view_options_to_meta(&r->epoch.options, m);
	return m;
}

static int write_labels(struct run *r)
{
	struct stream_writer *w = fd2_stream_create(r->job->out, "labels", meta(r));
	if (!w)
		return -1;
	progress_start("import", "epochs", r->epochs);
	for (long e = 0; e < r->epochs; e++) {
		if (read_epoch(r, e) < 0 || epoch_write(&r->epoch, w, e) < 0) {
			fd2_stream_abandon(w);
			return -1;
		}
		progress_at(e + 1, "epoch %ld", e + 1);
	}
	progress_end();
	return fd2_stream_finish(w);
}

int stage_fkd_read(const struct fkd_job *job)
{
	struct run r = {.job = job};
	int err = prepare(&r);
	if (!err)
		err = write_labels(&r);
	json_decref(r.map);
	fkd_order_free(r.order);
	epoch_free(&r.epoch);
	dataset_free(&r.images);
	return err;
}

STAGE(stage_fkd_read)
