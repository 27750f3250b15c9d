/* Stage 5: batch-specific soft labels (FKD; spec, section 4) from the backbone branch alone (Eq. 7). */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/fd2/jobs.h"
#include "lib/fd2/labels.h"
#include "lib/fd2/teacher.h"

struct run {
	const struct relabel_job *job;
	struct teacher teacher;
	struct dataset images;
	struct batch batch;
	struct epoch epoch;
};

/* The teacher in training mode: batch statistics, dropout, and each batch in two halves, as the student will see it. With
 * --bn eval in evaluation mode, whole. */
static int label_batch(struct run *r, long e, int i)
{
	int n = epoch_render(&r->epoch, i, &r->batch, &r->images, &r->teacher.normal);
	bool batch_bn = !strcmp(r->job->bn, "batch");
	int parts = batch_bn && n > 1 ? 2 : 1, K = r->teacher.classes, first = 0;
	for (int half = 0; half < parts; half++) {
		int m = half ? n - first : (parts == 1 ? n : n / 2);
		struct rng random = rng_at((uint64_t)common.seed, RNG_DROPOUT, (uint64_t)e, (uint32_t)i, (uint32_t)half);
		struct pass pass = {.bn = batch_bn ? BN_BATCH : BN_RUNNING, .random = batch_bn ? &random : NULL};
		tensor_scope_begin(NO_GRAD);
		Tensor *F = backbone_features(&r->teacher.backbone, batch_images(&r->batch, first, m, arithmetic()), &pass);
		int ok = tensor_read(backbone_logits(&r->teacher.backbone, F, &pass), T_F16,
		    r->epoch.logits + ((size_t)i * r->epoch.batch + first) * K, (int64_t)m * K);
		tensor_scope_end();
		if (ok < 0)
			return fail("cannot label: %s", tensor_error());
		first += m;
	}
	return 0;
}

static int label_all(struct run *r, struct stream_writer *w)
{
	const struct relabel_job *job = r->job;
	progress_start("relabel", job->epochs);
	for (long e = 0; e < job->epochs; e++) {
		epoch_draw(
		    &r->epoch, &r->images, r->teacher.size, job->min_scale, !strcmp(job->mix, "cutmix"), (uint64_t)common.seed, e);
		for (int i = 0; i < r->epoch.batches; i++)
			if (label_batch(r, e, i) < 0)
				return -1;
		if (epoch_write(&r->epoch, w, e) < 0)
			return -1;
		progress_at(e + 1, "epoch %ld", e + 1);
		log_event(json_pack("{s:s, s:i}", "event", "epoch", "epoch", (int)e + 1));
	}
	progress_end();
	return 0;
}

static json_t *meta(const struct run *r)
{
	json_t *m = fd2_provenance();
	json_object_set_new(m, "inputs", json_pack("{s:s, s:s}", "teacher", r->teacher.digest, "images", r->images.digest));
	json_object_set_new(m, "classes", names_to_json((const char *const *)r->teacher.class_names, r->teacher.classes));
	json_object_set_new(m, "images", json_integer(r->images.n));
	json_object_set_new(m, "batch", json_integer(r->epoch.batch));
	json_object_set_new(m, "epochs", json_integer(r->job->epochs));
	json_object_set_new(m, "size", json_integer(r->teacher.size));
	json_object_set_new(m, "fit", json_string(fit_name(r->teacher.fit)));
	json_object_set_new(m, "halves", json_boolean(!strcmp(r->job->bn, "batch")));
	json_object_set_new(m, "mean", numbers_to_json(r->teacher.normal.mean, 3));
	json_object_set_new(m, "std", numbers_to_json(r->teacher.normal.std, 3));
	return m;
}

static int prepare(struct run *r)
{
	const struct relabel_job *job = r->job;
	if (teacher_read(&r->teacher, job->teacher) < 0)
		return -1;
	struct dataset_options o = {.fit = FIT_NONE,
	    .strict = true,
	    .known = (const char *const *)r->teacher.class_names,
	    .n_known = r->teacher.classes,
	    .known_by = "the teacher"};
	if (dataset_read(&r->images, job->shards, job->n_shards, &o) < 0)
		return -1;
	int batch = (int)job->batch ? (int)job->batch : r->teacher.classes > 10 ? 16 : 10;
	if (batch > r->images.n)
		batch = r->images.n;
	batch_init(&r->batch, batch, r->teacher.size);
	epoch_init(&r->epoch, r->images.n, batch, r->teacher.classes);
	return 0;
}

static int write_labels(struct run *r)
{
	struct out *out = out_open(r->job->out, 0);
	struct stream_writer *w = out ? stream_create(out, "labels", meta(r)) : NULL;
	if (!w)
		return -1;
	if (stream_flush(w) == 0 && label_all(r, w) == 0)
		return stream_finish(w);
	stream_abandon(w);
	return -1;
}

int stage_relabel(const struct relabel_job *job)
{
	struct run r = {.job = job};
	int ok = prepare(&r) < 0 ? -1 : write_labels(&r);
	epoch_free(&r.epoch);
	batch_free(&r.batch);
	dataset_free(&r.images);
	teacher_free(&r.teacher);
	return ok;
}
