/* Stage 4, also a part of the group loop: attention maps and representations of any images. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"
#include "lib/data/dataset.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/attention.h"
#include "lib/fd2/teacher/attn.h"
#include "lib/fd2/teacher/features.h"
#include "lib/image/draw.h"

struct run {
	const struct attn_config *config;
	struct teacher teacher;
	struct dataset images;
};

static json_t *provenance(const struct run *r)
{
	json_t *p = opts_provenance();
	json_object_set_new(p, "inputs",
	    json_pack("{s:s, s:s}", "teacher", r->teacher.digest, "images", r->images.digest));
	json_object_set_new(p, "size", json_integer(r->teacher.size));
	if (r->config->cut > 0)
		json_object_set_new(p, "cut", json_real(r->config->cut));
	return p;
}

/* Returns "CLASS/IMAGE", also for an image that has a number and no folder. */
static char *name_of(const struct run *r, const struct item *it)
{
	return strchr(it->key, '/') ? xstrdup(it->key)
	                            : xasprintf("%s/%s", r->images.classes[it->label], it->key);
}

static int put_tensors(struct stream_writer *w, const char *image, const struct attention *a)
{
	if (fd2_stream_put(w, image, DT_F32, 3, (int64_t[]){a->maps, a->h, a->w}, a->A) < 0)
		return -1;
	char *name = xasprintf("%s.z", image);
	int err = fd2_stream_put(w, name, DT_F32, 1, (int64_t[]){a->features}, a->z);
	free(name);
	return err;
}

static int put_attention(struct run *r, struct stream_writer *w, struct item *it)
{
	struct attention a = {0};
	struct image im = item_image(it);
	int err = attention_of(&a, &r->teacher, &im, r->config->cut);
	item_release(it, &im);
	char *name = name_of(r, it);
	if (!err)
		err = put_tensors(w, name, &a);
	free(name);
	attention_free(&a);
	return err;
}

static int put_features(struct run *r, struct stream_writer *w, struct item *it)
{
	int64_t C = features_size(&r->teacher);
	float *f = xcalloc((size_t)C, sizeof *f);
	char *name = name_of(r, it);
	int err = features_of(f, &r->teacher, it, 1);
	if (!err)
		err = fd2_stream_put(w, name, DT_F32, 1, &C, f);
	free(name);
	free(f);
	return err;
}

static int write_stream(struct run *r, struct out *out)
{
	bool features = r->config->features;
	struct stream_writer *w = stream_create(out, features ? "features" : "attn", provenance(r));
	int err = w ? 0 : -1;
	for (int i = 0; i < r->images.n && !err; i++) {
		err = (features ? put_features : put_attention)(r, w, &r->images.v[i]);
		progress_at(i + 1, "%s", r->images.v[i].key);
	}
	if (!err)
		return fd2_stream_finish(w);
	if (w)
		fd2_stream_abandon(w);
	return -1;
}

/* Returns the mean of the M maps. */
static float *mean_map(const struct attention *a)
{
	int hw = a->h * a->w;
	float *mean = xcalloc((size_t)hw, sizeof *mean);
	for (int m = 0; m < a->maps; m++)
		for (int i = 0; i < hw; i++)
			mean[i] += a->A[m * hw + i] / (float)a->maps;
	return mean;
}

static void range(const float *map, int n, float *lo, float *hi)
{
	*lo = INFINITY;
	*hi = -INFINITY;
	for (int i = 0; i < n; i++) {
		*lo = fminf(*lo, map[i]);
		*hi = fmaxf(*hi, map[i]);
	}
}

/* Returns the picture that the teacher saw, at the teacher's size. */
static struct image seen_square(const struct run *r, const struct image *im)
{
	struct image out;
	int size = r->teacher.size;
	struct box b = view_inner(im, r->config->cut).box;
	image_resample(&out, im, b.x, b.y, b.w, b.h, size, size, true);
	return out;
}

static int overlay(struct run *r, struct shard_writer *w, const struct item *it, float shared_hi)
{
	struct attention a;
	if (attention_of(&a, &r->teacher, &it->image, r->config->cut) < 0)
		return -1;
	float *map = mean_map(&a), lo, hi;
	range(map, a.h * a.w, &lo, &hi);
	struct image im = seen_square(r, &it->image);
	draw_heatmap(&im, map, a.w, a.h, shared_hi > 0 ? 0 : lo, shared_hi > 0 ? shared_hi : hi);
	uint8_t *jpeg = NULL;
	size_t size;
	const char *slash = strrchr(it->key, '/');
	char *folder = slash ? xasprintf("%.*s", (int)(slash - it->key), it->key) : NULL;
	int err = jpeg_encode(&im, 90, &jpeg, &size);
	if (!err)
		err = fd2_shard_add(
		    w, folder, slash ? slash + 1 : it->key, it->label, jpeg, size, NULL, 0, NULL);
	free(folder);
	free(jpeg);
	free(map);
	image_free(&im);
	attention_free(&a);
	return err;
}

/* Finds the highest mean attention of all images, for a shared scale. */
static int highest(struct run *r, float *top)
{
	for (int i = 0; i < r->images.n; i++) {
		struct attention a;
		float lo, hi;
		if (attention_of(&a, &r->teacher, &r->images.v[i].image, r->config->cut) < 0)
			return -1;
		float *map = mean_map(&a);
		range(map, a.h * a.w, &lo, &hi);
		*top = fmaxf(*top, hi);
		free(map);
		attention_free(&a);
	}
	return 0;
}

static int write_overlays(struct run *r, struct out *out)
{
	float top = 0;
	if (r->config->shared_scale && highest(r, &top) < 0)
		return -1;
	const struct dataset *d = &r->images;
	const char *const *names = d->numbered ? NULL : (const char *const *)d->classes;
	struct shard_writer *w = shard_create(out, provenance(r), names, d->n_classes);
	int err = w ? 0 : -1;
	for (int i = 0; i < r->images.n && !err; i++) {
		err = overlay(r, w, &r->images.v[i], top);
		progress_at(i + 1, "%s", r->images.v[i].key);
	}
	if (!err)
		return fd2_shard_finish(w);
	if (w)
		fd2_shard_abandon(w);
	return -1;
}

int stage_attn(const struct attn_config *config)
{
	struct run r = {.config = config};
	struct dataset_options o = {.fit = FIT_NONE, .strict = config->strict};
	int err = out_try(config->out, 0);
	if (!err)
		err = teacher_read(&r.teacher, config->teacher);
	if (!err && config->features) {
		o.fit = r.teacher.fit;
		o.size = r.teacher.size;
	} else if (!err)
		err = teacher_check_cal(&r.teacher, config->teacher);
	if (!err)
		err = dataset_read(&r.images, config->shards, config->n_shards, &o);
	struct out *out = err ? NULL : out_open(config->out, 0);
	if (!err)
		err = out ? 0 : -1;
	progress_start(config->features ? "features" : "attention", "images", r.images.n);
	if (!err)
		err = config->heatmap ? write_overlays(&r, out) : write_stream(&r, out);
	progress_end();
	dataset_free(&r.images);
	teacher_free(&r.teacher);
	return err;
}

STAGE(stage_attn)
