/* What a student learns from and is measured on: labels, images and held-out images, and whether
 * they belong together. */
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/fd2/student/eval.h"

enum { HARD_EPOCHS = 300, HARD_SIZE = 224 };

static int check_sizes(const struct evaluation *r)
{
	for (int i = 0; i < r->job->n_students; i++) {
		const struct arch *arch = arch_find(r->job->students[i].arch);
		if (!arch || arch_check_size(arch, r->labels.size) < 0)
			return -1;
	}
	return 0;
}

/* What the labels were made for decides size, batch, halves, pixels' scale and classes. */
static int open_labels(struct evaluation *r)
{
	const struct eval_job *job = r->job;
	if (label_set_open(&r->labels, job->labels) < 0 || check_sizes(r) < 0)
		return -1;
	if (job->epochs > r->labels.epochs && !job->reuse_labels)
		return fail(
		    "--epochs %ld, but the labels hold %d; --reuse-labels goes through them again",
		    job->epochs, r->labels.epochs);
	return label_set_images(&r->labels, &r->images, job->shards, job->n_shards);
}

/* Without labels the options decide, and the shards name the classes. */
static int read_hard(struct evaluation *r)
{
	const struct eval_job *job = r->job;
	r->labels = (struct label_set){.size = job->size ? (int)job->size : HARD_SIZE,
	    .batch = job->batch ? (int)job->batch : 16,
	    .epochs = HARD_EPOCHS,
	    .fit = FIT_SHORT,
	    .normal = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}}};
	struct dataset_options o = {.fit = FIT_NONE, .strict = job->strict};
	if (check_sizes(r) < 0)
		return -1;
	if (dataset_read(&r->images, job->shards, job->n_shards, &o) < 0)
		return -1;
	if (r->images.n_classes < 2)
		return fail("the shards name fewer than two classes");
	if (dataset_check_classes(&r->images) < 0)
		return -1;
	r->labels.classes = r->images.n_classes;
	r->labels.class_names =
	    names_copy((const char *const *)r->images.classes, r->images.n_classes);
	return 0;
}

static int read_held_out(struct evaluation *r, struct dataset *d, const struct opt_list *shards)
{
	const struct eval_job *job = r->job;
	struct dataset_options o = {.fit = r->labels.fit,
	    .size = r->labels.size,
	    .cache = job->cache,
	    .strict = job->strict,
	    .known = (const char *const *)r->labels.class_names,
	    .n_known = r->labels.classes,
	    .known_by = "the distilled set"};
	return shards->n ? dataset_read(d, (char **)shards->v, shards->n, &o) : 0;
}

/* Images that choose the best epoch cannot measure it too. */
static int read_all_held_out(struct evaluation *r)
{
	if (read_held_out(r, &r->val, &r->job->val) < 0 ||
	    read_held_out(r, &r->test, &r->job->test) < 0)
		return -1;
	return strcmp(r->val.digest, r->test.digest)
	           ? 0
	           : fail("--val and --test hold the same images (%s)", r->val.digest);
}

/* Whether batches are missing, and the pool where they are to be used again. */
static int open_pool(struct evaluation *r, int batch)
{
	const struct label_set *l = &r->labels;
	int of_epoch = epoch_whole_batches(&r->epoch);
	long all = (long)l->epochs * of_epoch, batches = label_set_batches(l, of_epoch);
	if (batches < 0)
		return -1;
	if (!r->job->reuse_labels)
		return batches == all ? 0
		                      : fail("the labels hold %ld of the %ld batches of their %d "
		                             "epochs; --reuse-labels uses them again",
		                            batches, all, l->epochs);
	r->pool = (struct pool){.labels = l->stream,
	    .images = &r->images,
	    .size = l->size,
	    .epochs = l->epochs,
	    .batches = batches,
	    .seed = (uint64_t)common.seed};
	pool_init(&r->pool, batch, l->classes, &l->views);
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
		if (student_init(&r->students[i], &job->students[i], job, r->labels.classes,
		        r->labels.size, job->test.n > 0) < 0)
			return -1;
	return 0;
}

int evaluation_prepare(struct evaluation *r)
{
	const struct eval_job *job = r->job;
	if (outputs_open(job) < 0)
		return -1;
	if (job->hard ? read_hard(r) < 0 : open_labels(r) < 0)
		return -1;
	const struct label_set *l = &r->labels;
	int batch = l->batch < r->images.n ? l->batch : r->images.n;
	r->epochs = job->epochs ? (int)job->epochs : l->epochs;
	if (job->fit != FIT_NONE)
		r->labels.fit = job->fit;
	if (read_all_held_out(r) < 0)
		return -1;
	batch_init(&r->batch, batch, l->size);
	epoch_init(&r->epoch, r->images.n, batch, l->classes, &l->views);
	if (l->stream && open_pool(r, batch) < 0)
		return -1;
	return start_students(r);
}
