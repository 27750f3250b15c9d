#include "lib/fd2/select/select.h"

#include <stdio.h>
#include <stdlib.h>

#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/base/provenance.h"
#include "lib/fd2/batch/class-range.h"
#include "lib/fd2/select/coreset.h"
#include "lib/fd2/select/patches.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/features.h"

/* "random" ignores the photographs' content; they are decoded at this size only to check that they
 * are complete. */
enum { CHECK_SIDE = 32 };

struct run {
	const struct select_config *config;
	struct teacher teacher; /* classes is 0 if none was given */
	struct dataset real;    /* sorted by class */
	int first, last;        /* classes to choose from */
	int *start;             /* [K+1]: class k has images start[k] .. start[k+1]-1 */
	struct patch_rule rule;
	struct patch **patches; /* [K] -> [patches_in], for rded */
	uint32_t **chosen;      /* [K] -> [ipc], for the others: indices in the class */
	struct stream_writer *features;
	struct shard_writer *writer;
};

static int put_features(struct run *r, const float *f, const struct item *items, int n)
{
	int64_t C = features_size(&r->teacher);
	for (int i = 0; i < n && r->features; i++)
		if (fd2_stream_put(r->features, items[i].key, DT_F32, 1, &C, f + i * C) < 0)
			return -1;
	return 0;
}

static int choose_by_features(struct run *r, int k)
{
	const struct item *items = &r->real.v[r->start[k]];
	int n = r->start[k + 1] - r->start[k], C = features_size(&r->teacher);
	float *f = xcalloc((size_t)n * C, sizeof *f);
	int err = features_of(f, &r->teacher, items, n);
	if (!err)
		err = put_features(r, f, items, n);
	if (!err && r->config->method == SELECT_HERDING)
		coreset_herding(r->chosen[k], (int)r->config->ipc, f, n, C);
	else if (!err)
		coreset_k_center(r->chosen[k], (int)r->config->ipc, f, n, C);
	free(f);
	return err;
}

static int choose(struct run *r, int k)
{
	uint64_t seed = (uint64_t)r->config->seed;
	if (r->config->method == SELECT_RDED) {
		r->patches[k] = xcalloc((size_t)patches_in(&r->rule), sizeof **r->patches);
		return patches_choose(r->patches[k], &r->teacher, &r->real, k, &r->rule, seed);
	}
	r->chosen[k] = xcalloc((size_t)r->config->ipc, sizeof **r->chosen);
	if (r->config->method != SELECT_RANDOM)
		return choose_by_features(r, k);
	coreset_random(r->chosen[k], (int)r->config->ipc, r->start[k + 1] - r->start[k], seed, k);
	return 0;
}

static void start_progress(const struct run *r)
{
	int n = r->last - r->first + 1, *images = xcalloc((size_t)n, sizeof *images);
	for (int k = 0; k < n; k++)
		images[k] = r->start[r->first + k + 1] - r->start[r->first + k];
	if (r->config->method == SELECT_RDED)
		progress_start("score", "crops", patches_scored(images, n, &r->rule));
	else
		progress_start("select", "images", r->start[r->last + 1] - r->start[r->first]);
	free(images);
}

static int choose_all(struct run *r)
{
	int err = 0;
	start_progress(r);
	for (int k = r->first; k <= r->last && !err; k++)
		err = choose(r, k);
	progress_end();
	return err;
}

/* Writes image `id` of class k. If classes have no names, their number goes into the key, as in
 * webdataset. json says what the image was made of; takes its reference. */
static int put(struct run *r, int k, int id, const void *jpeg, size_t size, json_t *json)
{
	const char *class = r->real.numbered ? NULL : r->real.classes[k];
	char name[32], *text = json_dumps(json, JSON_COMPACT | JSON_DECIMALS);
	if (class)
		snprintf(name, sizeof name, "%04d", id);
	else
		snprintf(name, sizeof name, "%d-%04d", k, id);
	int err = fd2_shard_add(r->writer, class, name, k, jpeg, size, NULL, 0, text);
	json_decref(json);
	free(text);
	return err;
}

static int put_photograph(struct run *r, int k, int id)
{
	const struct item *it = &r->real.v[r->start[k] + (int)r->chosen[k][id - 1]];
	uint8_t *jpeg = item_jpeg(it);
	int err = put(r, k, id, jpeg, it->bytes, json_pack("{s:s}", "from", it->key));
	free(jpeg);
	return err;
}

static int put_mosaic(struct run *r, int k, int id)
{
	uint8_t *jpeg = NULL;
	size_t size = 0;
	json_t *patches = json_array();
	for (int q = 0; q < r->rule.factor * r->rule.factor; q++) {
		const struct patch *p = &r->patches[k][q * r->rule.ipc + id - 1];
		json_array_append_new(
		    patches, json_pack("{s:s, s:[i,i,i,i]}", "from", r->real.v[p->item].key, "box",
		                 p->box.x, p->box.y, p->box.w, p->box.h));
	}
	json_t *json = json_pack("{s:o}", "patches", patches);
	struct image im =
	    patches_mosaic(r->patches[k], &r->real, &r->rule, id - 1, r->teacher.size);
	int err = jpeg_encode(&im, (int)r->config->quality, &jpeg, &size);
	if (!err)
		err = put(r, k, id, jpeg, size, json);
	else
		json_decref(json);
	image_free(&im);
	free(jpeg);
	return err;
}

static int write_all(struct run *r)
{
	int err = 0;
	progress_start("write", "images", r->config->ipc * (r->last - r->first + 1));
	for (int id = 1; id <= r->config->ipc && !err; id++)
		for (int k = r->first; k <= r->last && !err; k++) {
			err = r->patches[k] ? put_mosaic(r, k, id) : put_photograph(r, k, id);
			progress_add(1, "class '%s'", r->real.classes[k]);
		}
	progress_end();
	return err;
}

static int read_real(struct run *r)
{
	const struct select_config *config = r->config;
	struct dataset_options o = teacher_dataset(&r->teacher);
	o.cache = config->cache;
	o.jpegs = r->config->method != SELECT_RDED;
	o.strict = config->strict;
	if (r->config->method == SELECT_RANDOM) {
		o.fit = FIT_SHORT;
		o.size = CHECK_SIDE;
	} else if (r->config->method == SELECT_RDED) {
		o.fit = FIT_NONE; /* patches are cut out of photographs as they are stored */
	}
	if (dataset_read(&r->real, config->shards, config->n_shards, &o) < 0)
		return -1;
	dataset_sort(&r->real);
	r->start = dataset_starts(&r->real);
	return 0;
}

static int choose_classes(struct run *r)
{
	struct class_range range;
	if (class_range(&range, &r->config->classes, r->real.n_classes, "there are") < 0)
		return -1;
	r->first = range.first;
	r->last = range.last;
	opt_resolved("classes", json_pack("[i, i]", r->first, r->last));
	return 0;
}

static int check_counts(const struct run *r)
{
	bool rded = r->config->method == SELECT_RDED;
	for (int k = r->first; k <= r->last; k++) {
		int n = r->start[k + 1] - r->start[k];
		if (n >= (rded ? 1 : r->config->ipc))
			continue;
		if (rded)
			return fail("class '%s' has no image", r->real.classes[k]);
		return fail("class '%s' has %s, but --ipc needs %ld", r->real.classes[k],
		    counted(n, "images").text, r->config->ipc);
	}
	return 0;
}

static json_t *provenance(const struct run *r)
{
	json_t *p = opts_provenance(), *inputs = json_pack("{s:s}", "real", r->real.digest);
	if (r->teacher.classes)
		json_object_set_new(inputs, "teacher", json_string(r->teacher.digest));
	json_object_set_new(p, "inputs", inputs);
	return p;
}

static int open_outputs(struct run *r)
{
	const char *const *names = r->real.numbered ? NULL : (const char *const *)r->real.classes;
	struct out *out = out_open(r->config->out, 0);
	r->writer = out ? shard_create(out, provenance(r), names, r->real.n_classes) : NULL;
	if (!r->writer || !r->config->features)
		return r->writer ? 0 : -1;
	out = out_open(r->config->features, 0);
	r->features = out ? stream_create(out, "features", provenance(r)) : NULL;
	return r->features ? 0 : -1;
}

static int prepare(struct run *r)
{
	const struct select_config *config = r->config;
	if (out_try(config->out, 0) < 0 || (config->features && out_try(config->features, 0) < 0))
		return -1;
	if (config->teacher && teacher_read(&r->teacher, config->teacher) < 0)
		return -1;
	if (config->teacher && config->method != SELECT_RDED && config->method != SELECT_RANDOM &&
	    teacher_check_cal(&r->teacher, config->teacher) < 0)
		return -1;
	if (config->teacher)
		params_freeze(&r->teacher.backbone.params, arithmetic());
	if (read_real(r) < 0 || choose_classes(r) < 0 || check_counts(r) < 0)
		return -1;
	r->rule = (struct patch_rule){.ipc = (int)config->ipc,
	    .factor = (int)config->factor,
	    .images = (int)config->images,
	    .crops = (int)config->crops,
	    .difficulty = DIFFICULTY_EASY};
	r->patches = xcalloc((size_t)r->real.n_classes, sizeof *r->patches);
	r->chosen = xcalloc((size_t)r->real.n_classes, sizeof *r->chosen);
	return open_outputs(r);
}

static int finish(struct run *r, int err)
{
	if (r->features && err < 0)
		fd2_stream_abandon(r->features);
	else if (r->features)
		err = fd2_stream_finish(r->features);
	if (!r->writer)
		return err;
	if (!err)
		return fd2_shard_finish(r->writer);
	fd2_shard_abandon(r->writer);
	return err;
}

int stage_select(const struct select_config *config)
{
	struct run r = {.config = config};
	int err = prepare(&r);
	if (!err)
		err = choose_all(&r);
	if (!err)
		err = write_all(&r);
	err = finish(&r, err);
	for (int k = 0; r.patches && k < r.real.n_classes; k++) {
		free(r.patches[k]);
		free(r.chosen[k]);
	}
	free(r.patches);
	free(r.chosen);
	free(r.start);
	dataset_free(&r.real);
	teacher_free(&r.teacher);
	return err;
}

STAGE(stage_select)
