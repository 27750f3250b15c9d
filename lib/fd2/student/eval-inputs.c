/* What a student learns from and is measured on: labels, images and held-out images, and whether
 * they belong together. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/fd2/student/evaluation.h"

enum { OWN_EPOCHS = 300, OWN_SIZE = 224, OWN_BATCH = 16 };
static const double sgd_lr = 0.01; /* where the set has learned none */

static int check_sizes(const struct evaluation *r)
{
	for (int i = 0; i < r->config->n_students; i++) {
		const struct arch *arch = arch_find(r->config->students[i].arch);
		if (!arch || arch_check_size(arch, r->labels.size) < 0)
			return -1;
	}
	return 0;
}

/* The labels' meta decides size, batch, halves, normalisation and classes. */
static int open_labels(struct evaluation *r)
{
	const struct eval_config *config = r->config;
	if (label_set_open(&r->labels, config->in.labels) < 0 || check_sizes(r) < 0)
		return -1;
	if (config->epochs > r->labels.epochs && !config->in.reuse_labels)
		return fail(
		    "--epochs %ld, but the labels hold %d; --reuse-labels goes through them again",
		    config->epochs, r->labels.epochs);
	return label_set_images(&r->labels, &r->images, config->in.shards, config->in.n_shards);
}

/* Without a stream of labels the options decide, and the shards name the classes. */
static int read_own(struct evaluation *r)
{
	const struct eval_config *config = r->config;
	r->labels = (struct label_set){.size = config->own.size ? (int)config->own.size : OWN_SIZE,
	    .batch = config->own.batch ? (int)config->own.batch : OWN_BATCH,
	    .epochs = OWN_EPOCHS,
	    .fit = FIT_SHORT,
	    .normal = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}}};
	struct dataset_options o = {
	    .fit = FIT_NONE, .strict = config->in.strict, .soft = config->in.learned};
	if (check_sizes(r) < 0)
		return -1;
	if (dataset_read(&r->images, config->in.shards, config->in.n_shards, &o) < 0)
		return -1;
	if (r->images.n_classes < 2)
		return fail("the shards name fewer than two classes");
	if (dataset_check_classes(&r->images) < 0)
		return -1;
	r->labels.classes = r->images.n_classes;
	r->labels.class_names =
	    names_copy((const char *const *)r->images.classes, r->images.n_classes);
	if (config->in.learned)
		r->label_bytes = (size_t)r->images.n * r->images.n_classes * sizeof(float);
	return 0;
}

static int read_held_out(struct evaluation *r, struct dataset *d, const struct opt_list *shards)
{
	const struct eval_config *config = r->config;
	struct dataset_options o = {.fit = r->labels.fit,
	    .size = r->labels.size,
	    .exact = !config->in.fast_val,
	    .cache = config->in.cache,
	    .strict = config->in.strict,
	    .known = (const char *const *)r->labels.class_names,
	    .n_known = r->labels.classes,
	    .known_by = "the distilled set"};
	return shards->n ? dataset_read(d, (char **)shards->v, shards->n, &o) : 0;
}

/* Images that choose the best epoch cannot measure it too. */
static int read_all_held_out(struct evaluation *r)
{
	if (read_held_out(r, &r->val, &r->config->in.val) < 0 ||
	    read_held_out(r, &r->test, &r->config->in.test) < 0)
		return -1;
	dataset_warn_missing(&r->val, "--val");
	dataset_warn_missing(&r->test, "--test");
	dataset_warn_shared(&r->images, &r->val, "--val");
	dataset_warn_shared(&r->images, &r->test, "--test");
	return strcmp(r->val.digest, r->test.digest)
	           ? 0
	           : fail("--val and --test hold the same images (%.12s...)", r->val.digest);
}

/* Checks whether batches are missing; prepares the pool for --reuse-labels. */
static int open_pool(struct evaluation *r, int batch)
{
	const struct label_set *l = &r->labels;
	int of_epoch = epoch_whole_batches(&r->epoch);
	long all = (long)l->epochs * of_epoch, batches = label_set_batches(l, of_epoch);
	if (batches < 0)
		return -1;
	if (!r->config->in.reuse_labels)
		return batches == all ? 0
		                      : fail("the labels hold %ld of the %ld batches of their %d "
		                             "epochs; --reuse-labels uses them again",
		                            batches, all, l->epochs);
	r->pool = (struct pool){.labels = l->stream,
	    .images = &r->images,
	    .size = l->size,
	    .epochs = l->epochs,
	    .batches = batches,
	    .seed = r->config->seed};
	pool_init(&r->pool, batch, l->classes, &l->views);
	return 0;
}

static int outputs_open(const struct eval_outputs *out)
{
	if (out_try(out->results, OUT_TEXT) < 0 || (out->save && out_try(out->save, 0) < 0))
		return -1;
	return out->report ? out_try(out->report, OUT_TEXT) : 0;
}

static int start_students(struct evaluation *r)
{
	const struct eval_config *config = r->config;
	struct student_learning how = config->learning;
	const json_t *learned = json_object_get(r->images.meta, "student_lr");
	how.sgd_lr =
	    config->in.learned && json_is_number(learned) ? json_number_value(learned) : sgd_lr;
	r->students = xcalloc((size_t)config->n_students, sizeof *r->students);
	r->trained = xcalloc((size_t)config->n_students, sizeof *r->trained);
	for (int i = 0; i < config->n_students; i++) {
		struct student *s = &r->students[i];
		if (student_init(s, &config->students[i], &how,
		        (const char *const *)r->labels.class_names, r->labels.classes,
		        r->labels.size, config->in.test.n > 0) < 0)
			return -1;
		r->trained[i] = (struct trained){.params = &s->net.params,
		    .average = s->kept ? &s->kept->average : NULL,
		    .optim = &s->optim};
		snprintf(r->trained[i].prefix, sizeof r->trained[i].prefix, "%d.", i);
	}
	return 0;
}

/* What must be the same for a resumed run. The digest of labels is known only at their end, so
 * their meta is compared. */
static json_t *inputs(const struct evaluation *r)
{
	json_t *in = json_pack("{s:s, s:s, s:s}", "images", r->images.digest, "val", r->val.digest,
	    "test", r->test.digest);
	if (r->labels.stream)
		json_object_set(in, "labels", fd2_stream_meta(r->labels.stream));
	if (r->config->learning.init)
		json_object_set_new(in, "init", json_string(r->students[0].init));
	return in;
}

/* A batch, or a half of it, that has too few images for the statistics of BatchNorm is left out
 * where there are others. */
static int check_steps(const struct evaluation *r, int batch)
{
	int parts = r->labels.halves && batch > 1 ? 2 : 1;
	if (batch / parts >= 2 || r->epoch.batches == 1)
		return 0;
	return fail("no step can be taken: BatchNorm needs two images in %s, and batches have %d",
	    parts == 2 ? "each half of a batch" : "a batch", batch);
}

/* What the labels, or the defaults of --hard, decided where no option did. */
static void record_settings(const struct evaluation *r, int batch)
{
	fd2_resolved("epochs", json_integer(r->epochs));
	fd2_resolved("val-every", json_integer(r->val_every));
	fd2_resolved("batch", json_integer(batch));
	fd2_resolved("size", json_integer(r->labels.size));
	fd2_resolved("fit", json_string(fit_name(r->labels.fit)));
}

int evaluation_prepare(struct evaluation *r)
{
	const struct eval_config *config = r->config;
	checkpoint_init(&r->checkpoint, config->out.results, NULL, config->n_students, NULL);
	if ((!config->dry_run && outputs_open(&config->out) < 0) ||
	    checkpoint_check(&r->checkpoint, config->out.resume) < 0)
		return -1;
	if (config->in.hard || config->in.learned ? read_own(r) < 0 : open_labels(r) < 0)
		return -1;
	const struct label_set *l = &r->labels;
	int batch = l->batch < r->images.n ? l->batch : r->images.n;
	r->epochs = config->epochs ? (int)config->epochs : l->epochs;
	r->val_every = config->val_every != OPT_UNSET ? config->val_every
	               : r->epochs > 100              ? r->epochs / 10
	                                              : 10;
	if (config->in.fit != FIT_NONE)
		r->labels.fit = config->in.fit;
	if (read_all_held_out(r) < 0)
		return -1;
	record_settings(r, batch);
	batch_init(&r->batch, batch, l->size);
	epoch_init(&r->epoch, r->images.n, batch, l->classes, &l->views);
	if (check_steps(r, batch) < 0 || (l->stream && open_pool(r, batch) < 0) ||
	    start_students(r) < 0)
		return -1;
	r->checkpoint.networks = r->trained;
	r->checkpoint.inputs = inputs(r);
	int finished = evaluation_finished(r);
	return finished ? finished : evaluation_load(r);
}
