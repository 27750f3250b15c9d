/* Gathers statistics of the inputs of the backbone's layers for photographs, each seen once through
 * a random crop, as in training. */
#include "lib/fd2/teacher/statistics.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/opts.h"
#include "lib/base/progress.h"
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/statistics-sums.h"
#include "lib/fd2/teacher/teacher.h"

struct layer {
	struct sums channels, patches;
};

struct run {
	const struct protos_config *config;
	struct teacher teacher;
	struct dataset images;
	struct layer *bn, *conv; /* by the layers' index */
	long *count;             /* [K]: photographs of each class */
	const struct batch *batch;
};

/* Adds to the sums of one statistic; leaves failures to tensor_error. */
static void add(struct run *r, struct sums *s, const Tensor *mean, const Tensor *var)
{
	sums_add(s, mean, var, r->batch->labels, r->teacher.classes);
}

static void add_bn(void *ctx, const struct bn *bn, Tensor *mean, Tensor *var)
{
	struct run *r = ctx;
	add(r, &r->bn[bn->index].channels, mean, var);
}

static void add_conv(void *ctx, const struct conv *conv, const Tensor *x)
{
	struct run *r = ctx;
	struct layer *l = &r->conv[conv->index];
	Tensor *mean, *var;
	tensor_scope_begin(NO_GRAD);
	tensor_batch_stats(x, r->batch->n, &mean, &var);
	add(r, &l->channels, mean, var);
	patch_statistics(x, r->batch->n, &mean, &var);
	add(r, &l->patches, mean, var);
	tensor_scope_end();
}

static int add_batch(struct run *r, const struct batch *b)
{
	struct pass pass = {.bn = BN_RUNNING,
	    .groups = b->n,
	    .on_bn = add_bn,
	    .on_conv = r->config->statistics == STATISTICS_OF_ALL ? add_conv : NULL,
	    .ctx = r};
	r->batch = b;
	for (int i = 0; i < b->n; i++)
		r->count[b->labels[i]]++;
	tensor_scope_begin(NO_GRAD);
	backbone_features(&r->teacher.backbone, batch_images(b, 0, b->n, arithmetic()), &pass);
	tensor_scope_end();
	return tensor_error() ? fail("cannot compute statistics: %s", tensor_error()) : 0;
}

static int add_all(struct run *r)
{
	const struct augment crops = {.crop = CROP_RESIZED, .min_scale = 0.08};
	struct batch b;
	int err = 0;
	batch_init(&b, (int)r->config->batch, r->teacher.size);
	progress_start("statistics", "images", r->images.n);
	for (int i = 0; i < r->images.n && !err; i += b.n) {
		batch_clear(&b);
		for (int k = i; k < r->images.n && b.n < b.cap; k++) {
			struct view v = view_random(&r->images.v[k].image, r->teacher.size, &crops,
			    (uint64_t)common.seed, 0, k);
			batch_add(&b, r->images.v, &v);
		}
		batch_render(&b, &r->teacher.normal);
		err = add_batch(r, &b);
		progress_at(i + b.n, NULL);
	}
	progress_end();
	batch_free(&b);
	return err;
}

/* Writes a layer's statistics, if it has any: passes do not reach the attention head. */
static int put_layer(
    struct run *r, struct stream_writer *w, const char *name, const struct layer *l, bool conv)
{
	int err = 0;
	if (l->channels.n)
		err = sums_put(&l->channels, w, name, STAT_MEAN, conv, r->count);
	if (!err && l->patches.n)
		err = sums_put(&l->patches, w, name, STAT_PATCH_MEAN, conv, r->count);
	return err;
}

static int put_layers(struct run *r, struct stream_writer *w)
{
	const struct params *p = &r->teacher.backbone.params;
	int err = 0;
	for (int i = 0; i < p->n_bns && !err; i++) {
		char *name = bn_name(p, p->bns[i]);
		err = put_layer(r, w, name, &r->bn[i], false);
		free(name);
	}
	for (int i = 0; i < p->n_convs && !err; i++) {
		char *name = conv_name(p, p->convs[i]);
		err = put_layer(r, w, name, &r->conv[i], true);
		free(name);
	}
	return err;
}

static int write(struct run *r)
{
	const struct teacher *t = &r->teacher;
	json_t *meta = opts_provenance();
	json_object_set_new(
	    meta, "classes", names_to_json((const char *const *)t->class_names, t->classes));
	json_object_set_new(meta, "size", json_integer(t->size));
	json_object_set_new(meta, "inputs",
	    json_pack("{s:s, s:s}", "teacher", t->digest, "images", r->images.digest));
	struct stream_writer *w = fd2_stream_create(r->config->out, "statistics", meta);
	if (!w)
		return -1;
	if (put_layers(r, w) < 0) {
		fd2_stream_abandon(w);
		return -1;
	}
	return fd2_stream_finish(w);
}

static int read_images(struct run *r)
{
	struct dataset_options o = teacher_dataset(&r->teacher);
	o.cache = r->config->cache;
	o.strict = r->config->strict;
	if (dataset_read(&r->images, r->config->shards, r->config->n_shards, &o) < 0)
		return -1;
	dataset_sort(&r->images);
	return dataset_check_classes(&r->images);
}

static void layers_free(struct layer *v, int n)
{
	for (int i = 0; i < n; i++) {
		sums_free(&v[i].channels);
		sums_free(&v[i].patches);
	}
	free(v);
}

int stage_statistics(const struct protos_config *config)
{
	struct run r = {.config = config};
	if (out_try(config->out, 0) < 0 || teacher_read(&r.teacher, config->teacher) < 0)
		return -1;
	struct params *p = &r.teacher.backbone.params;
	params_freeze(p, arithmetic());
	r.bn = xcalloc((size_t)p->n_bns + 1, sizeof *r.bn);
	r.conv = xcalloc((size_t)p->n_convs + 1, sizeof *r.conv);
	r.count = xcalloc((size_t)r.teacher.classes, sizeof *r.count);
	int err = read_images(&r) < 0 || add_all(&r) < 0 || write(&r) < 0 ? -1 : 0;
	layers_free(r.bn, p->n_bns);
	layers_free(r.conv, p->n_convs);
	free(r.count);
	dataset_free(&r.images);
	teacher_free(&r.teacher);
	return err;
}

STAGE(stage_statistics)
