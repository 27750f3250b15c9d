/* What a student learns from and is measured on: labels, images and held-out images, and whether they belong together. */
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/fd2/eval.h"

enum { HARD_EPOCHS = 300, HARD_SIZE = 224 };

/* What the labels were made for decides size, batch, halves, pixels' scale and classes. */
static int open_labels(struct evaluation *r, int *batch, const char **made_for)
{
	const struct eval_job *job = r->job;
	r->labels = stream_open(job->labels, "labels");
	if (!r->labels)
		return -1;
	json_t *meta = stream_meta(r->labels), *classes;
	json_error_t e;
	const char *fit;
	int halves;
	double *m = r->normal.mean, *s = r->normal.std;
	if (json_unpack_ex(meta, &e, 0, "{s:{s:s}, s:o, s:i, s:i, s:i, s:b, s:s, s:[FFF], s:[FFF]}", "inputs", "images", made_for,
	        "classes", &classes, "batch", batch, "epochs", &r->epochs, "size", &r->size, "halves", &halves, "fit", &fit, "mean",
	        &m[0], &m[1], &m[2], "std", &s[0], &s[1], &s[2]))
		return fail("the labels' meta is incomplete: %s", e.text);
	r->halves = halves;
	if (!job->fit)
		r->fit = fit_of(fit);
	if (*batch < 1 || *batch > 1 << 20 || r->epochs < 1 || r->size < 8 || r->size > 4096 || !(s[0] > 0 && s[1] > 0 && s[2] > 0))
		return fail("the labels' meta holds a value out of range");
	r->labelled = r->epochs;
	if (job->epochs > r->epochs && !job->reuse_labels)
		return fail("--epochs %ld, but the labels hold %d; --reuse-labels goes through them again", job->epochs, r->epochs);
	if (job->epochs)
		r->epochs = (int)job->epochs;
	if (views_from_meta(&r->views, meta) < 0)
		return -1;
	r->class_names = names_from_json(classes, &r->classes);
	return r->classes >= 2 ? 0 : fail("the labels name %d classes; at least two are wanted", r->classes);
}

static int read_images(struct evaluation *r, const char *made_for)
{
	const struct eval_job *job = r->job;
	struct dataset_options o = {.fit = FIT_NONE,
	    .strict = job->strict || r->labels,
	    .known = (const char *const *)r->class_names,
	    .n_known = r->classes,
	    .known_by = "the label stream"};
	if (dataset_read(&r->images, job->shards, job->n_shards, &o) < 0)
		return -1;
	if (made_for && strcmp(made_for, r->images.digest))
		return fail("the labels were made for another distilled set (%s) than this one (%s)", made_for, r->images.digest);
	if (r->labels)
		return 0;
	if (!r->images.classes || r->images.n_classes < 2)
		return fail("the shards name fewer than two classes");
	r->classes = r->images.n_classes;
	r->class_names = names_copy((const char *const *)r->images.classes, r->classes);
	return 0;
}

static int read_held_out(struct evaluation *r, struct dataset *d, const struct opt_list *shards)
{
	const struct eval_job *job = r->job;
	struct dataset_options o = {.fit = r->fit,
	    .size = r->size,
	    .cache = job->cache,
	    .strict = job->strict,
	    .known = (const char *const *)r->class_names,
	    .n_known = r->classes,
	    .known_by = "the distilled set"};
	return shards->n ? dataset_read(d, (char **)shards->v, shards->n, &o) : 0;
}

/* Images that choose the best epoch cannot measure it too. */
static int read_all_held_out(struct evaluation *r)
{
	if (read_held_out(r, &r->val, &r->job->val) < 0 || read_held_out(r, &r->test, &r->job->test) < 0)
		return -1;
	return strcmp(r->val.digest, r->test.digest) ? 0 : fail("--val and --test hold the same images (%s)", r->val.digest);
}

/* Whether batches are missing, and the pool where they are to be used again. */
static int open_pool(struct evaluation *r, int batch)
{
	long all = (long)r->labelled * epoch_whole_batches(&r->epoch);
	json_int_t batches = all;
	if (json_unpack(stream_meta(r->labels), "{s?I}", "batches", &batches) || batches < 1 || batches > all)
		return fail("the labels' meta holds a value out of range");
	if (!r->job->reuse_labels)
		return batches == all
		           ? 0
		           : fail("the labels hold %ld of the %ld batches of their %d epochs; --reuse-labels uses them again",
		                 (long)batches, all, r->labelled);
	r->pool = (struct pool){.labels = r->labels,
	    .images = &r->images,
	    .size = r->size,
	    .epochs = r->labelled,
	    .batches = (long)batches,
	    .seed = (uint64_t)common.seed};
	pool_init(&r->pool, batch, r->classes, &r->views);
	return 0;
}

static int outputs_open(const struct eval_job *job)
{
	if (out_try(job->out, OUT_TEXT) < 0 || (job->save && out_try(job->save, 0) < 0))
		return -1;
	return job->report ? out_try(job->report, OUT_TEXT) : 0;
}

static int start_students(struct evaluation *r)
{
	const struct eval_job *job = r->job;
	r->students = xcalloc((size_t)job->n_students, sizeof *r->students);
	for (int i = 0; i < job->n_students; i++)
		if (student_init(&r->students[i], &job->students[i], job, r->classes, r->size, job->test.n > 0) < 0)
			return -1;
	return 0;
}

int evaluation_prepare(struct evaluation *r)
{
	const struct eval_job *job = r->job;
	if (outputs_open(job) < 0)
		return -1;
	const char *made_for = NULL;
	int batch = job->batch ? (int)job->batch : 16;
	r->size = job->size ? (int)job->size : HARD_SIZE;
	r->epochs = job->epochs ? (int)job->epochs : HARD_EPOCHS;
	r->fit = fit_of(job->fit ? job->fit : "short");
	r->normal = (struct normal){{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
	if (!job->hard && open_labels(r, &batch, &made_for) < 0)
		return -1;
	if (read_images(r, made_for) < 0 || read_all_held_out(r) < 0)
		return -1;
	if (batch > r->images.n)
		batch = r->images.n;
	batch_init(&r->batch, batch, r->size);
	epoch_init(&r->epoch, r->images.n, batch, r->classes, &r->views);
	if (r->labels && open_pool(r, batch) < 0)
		return -1;
	return start_students(r);
}
