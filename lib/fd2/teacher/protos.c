/* Stage 2: class prototypes, as the teacher gathered them while training (Eq. 5) or as exact
 * class means over shards. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/protos.h"
#include "lib/fd2/teacher/teacher.h"

struct run {
	const struct protos_config *config;
	struct teacher teacher;
	struct dataset images;
	int64_t K, D;
	float *c; /* [K][D] */
};

static int online(struct run *r)
{
	return tensor_read(r->teacher.cal.prototypes, T_F32, r->c, r->K * r->D) < 0
	           ? fail("cannot read the prototypes: %s", tensor_error())
	           : 0;
}

/* Adds z of one batch to the sums by class, in double. */
static int add_batch(struct run *r, const struct batch *b, double *sum, long *count)
{
	struct pass pass = {.bn = BN_RUNNING};
	float *z = xcalloc((size_t)(b->n * r->D), sizeof *z);
	tensor_scope_begin(NO_GRAD);
	struct teacher_out o =
	    teacher_forward(&r->teacher, batch_images(b, 0, b->n, arithmetic()), &pass);
	int err = tensor_read(o.z, T_F32, z, b->n * r->D);
	tensor_scope_end();
	if (err < 0)
		fail("cannot compute representations: %s", tensor_error());
	for (int i = 0; i < b->n && !err; i++) {
		count[b->labels[i]]++;
		for (int64_t d = 0; d < r->D && !err; d++) {
			if (!isfinite(z[i * r->D + d]))
				err = fail(
				    "the representation of '%s' is not finite", b->items[i]->key);
			sum[b->labels[i] * r->D + d] += z[i * r->D + d];
		}
	}
	free(z);
	return err;
}

static int means(struct run *r)
{
	const struct teacher *t = &r->teacher;
	double *sum = xcalloc((size_t)(r->K * r->D), sizeof *sum);
	long *count = xcalloc((size_t)r->K, sizeof *count);
	struct batch b;
	int err = 0;
	batch_init(&b, (int)r->config->batch, t->size);
	progress_start("prototypes", "images", r->images.n);
	for (int i = 0; i < r->images.n && !err; i += b.n) {
		batch_clear(&b);
		for (int k = i; k < r->images.n && b.n < b.cap; k++)
			batch_add_center(&b, &r->images.v[k]);
		batch_render(&b, &t->normal);
		err = add_batch(r, &b, sum, count);
		progress_at(i + b.n, NULL);
	}
	progress_end();
	for (int64_t k = 0; k < r->K && !err; k++) {
		if (!count[k])
			err = fail("class '%s' has no image in the shards", t->class_names[k]);
		for (int64_t d = 0; d < r->D && !err; d++)
			r->c[k * r->D + d] = (float)(sum[k * r->D + d] / (double)count[k]);
	}
	batch_free(&b);
	free(sum);
	free(count);
	return err;
}

static double length(const struct run *r, int64_t k)
{
	double sum = 0;
	for (int64_t d = 0; d < r->D; d++)
		sum += (double)r->c[k * r->D + d] * r->c[k * r->D + d];
	return sqrt(sum);
}

/* Scales rows to length 1; those of classes that the teacher never saw stay zero. */
static void divide_by_length(struct run *r)
{
	for (int64_t k = 0; k < r->K; k++) {
		double by = length(r, k);
		for (int64_t d = 0; d < r->D && by > 0; d++)
			r->c[k * r->D + d] = (float)(r->c[k * r->D + d] / by);
	}
}

/* Prints the class nearest to each class; for a thousand classes this takes a while. */
static void tell_distances(const struct run *r)
{
	for (int64_t k = 0; k < r->K; k++) {
		double best = INFINITY, total = 0;
		int64_t nearest = -1;
		for (int64_t j = 0; j < r->K; j++) {
			double d2 = 0;
			for (int64_t d = 0; d < r->D; d++) {
				double e = (double)r->c[k * r->D + d] - r->c[j * r->D + d];
				d2 += e * e;
			}
			total += sqrt(d2);
			if (j != k && d2 < best) {
				best = d2;
				nearest = j;
			}
		}
		chat("%-32s norm %.4f  mean distance %.4f  nearest %.4f (%s)",
		    r->teacher.class_names[k], length(r, k),
		    r->K > 1 ? total / (double)(r->K - 1) : 0, sqrt(best),
		    nearest < 0 ? "none" : r->teacher.class_names[nearest]);
	}
}

static int write(struct run *r)
{
	json_t *meta = opts_provenance(),
	       *inputs = json_pack("{s:s}", "teacher", r->teacher.digest);
	if (r->images.n)
		json_object_set_new(inputs, "images", json_string(r->images.digest));
	json_object_set_new(meta, "classes",
	    names_to_json((const char *const *)r->teacher.class_names, r->teacher.classes));
	json_object_set_new(meta, "inputs", inputs);
	struct stream_writer *w = fd2_stream_create(r->config->out, "protos", meta);
	if (!w)
		return -1;
	if (fd2_stream_put(w, "prototypes", DT_F32, 2, (int64_t[]){r->K, r->D}, r->c) < 0) {
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
	return dataset_read(&r->images, r->config->shards, r->config->n_shards, &o);
}

int stage_protos(const struct protos_config *config)
{
	struct run r = {.config = config};
	if (out_try(config->out, 0) < 0 || teacher_read(&r.teacher, config->teacher) < 0)
		return -1;
	if (teacher_check_cal(&r.teacher, config->teacher) < 0) {
		teacher_free(&r.teacher);
		return -1;
	}
	r.K = r.teacher.classes;
	r.D = tensor_size(r.teacher.cal.prototypes, 1);
	r.c = xcalloc((size_t)(r.K * r.D), sizeof *r.c);
	int err = !config->n_shards ? online(&r) : read_images(&r) < 0 ? -1 : means(&r);
	if (!err) {
		if (config->unit)
			divide_by_length(&r);
		if (verbosity >= 2)
			tell_distances(&r);
		err = write(&r);
	}
	free(r.c);
	dataset_free(&r.images);
	teacher_free(&r.teacher);
	return err;
}

STAGE(stage_protos)
