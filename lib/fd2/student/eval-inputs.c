/* Reads what students learn from and are measured on (labels, images, held-out images), and checks
 * that they belong together. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/fd2/student/evaluation.h"

enum { OWN_EPOCHS = 300, OWN_SIZE = 224, OWN_BATCH = 16 };
static const double sgd_lr = 0.01; /* if the distilled set has no learned rate */

static int check_sizes(const struct evaluation *ev)
{
	for (int i = 0; i < ev->config->n_students; i++) {
		const struct arch *arch = arch_find(ev->config->students[i].arch);
		if (!arch || arch_check_size(arch, ev->labels.size) < 0)
			return -1;
	}
	return 0;
}

/* Opens the labels, whose meta decides size, batch, halves, normalisation and classes. */
static int open_labels(struct evaluation *ev)
{
	const struct eval_config *config = ev->config;
	if (label_set_open(&ev->labels, config->in.labels) < 0 || check_sizes(ev) < 0)
		return -1;
	if (config->epochs > ev->labels.epochs && !config->in.reuse_labels)
		return fail(
		    "--epochs %ld, but the labels hold %d; --reuse-labels goes through them again",
		    config->epochs, ev->labels.epochs);
	return label_set_images(&ev->labels, &ev->images, config->in.shards, config->in.n_shards);
}

/* Without a stream of labels the options decide, and the shards name the classes. */
static int read_own(struct evaluation *ev)
{
	const struct eval_config *config = ev->config;
	ev->labels = (struct label_set){.size = config->own.size ? (int)config->own.size : OWN_SIZE,
	    .batch = config->own.batch ? (int)config->own.batch : OWN_BATCH,
	    .epochs = OWN_EPOCHS,
	    .fit = FIT_SHORT,
	    .normal = {{IMAGENET_MEAN}, {IMAGENET_STD}}};
	struct dataset_options o = {
	    .fit = FIT_NONE, .strict = config->in.strict, .soft = config->in.learned};
	if (check_sizes(ev) < 0)
		return -1;
	if (dataset_read(&ev->images, config->in.shards, config->in.n_shards, &o) < 0)
		return -1;
	if (ev->images.n_classes < 2)
		return fail("the shards name fewer than two classes");
	if (dataset_check_classes(&ev->images) < 0)
		return -1;
	ev->labels.classes = ev->images.n_classes;
	ev->labels.class_names =
	    names_copy((const char *const *)ev->images.classes, ev->images.n_classes);
	if (config->in.learned)
		ev->label_bytes = (size_t)ev->images.n * ev->images.n_classes * sizeof(float);
	return 0;
}

static int read_held_out(struct evaluation *ev, struct dataset *d, const struct opt_list *shards)
{
	const struct eval_config *config = ev->config;
	struct dataset_options o = {.fit = ev->labels.fit,
	    .size = ev->labels.size,
	    .exact = !config->in.fast_val,
	    .cache = config->in.cache,
	    .strict = config->in.strict,
	    .known = (const char *const *)ev->labels.class_names,
	    .n_known = ev->labels.classes,
	    .known_by = "the distilled set"};
	return shards->n ? dataset_read(d, (char **)shards->v, shards->n, &o) : 0;
}

/* Reads --val and --test, which must differ: images that choose the best epoch cannot also measure
 * it. */
static int read_all_held_out(struct evaluation *ev)
{
	if (read_held_out(ev, &ev->val, &ev->config->in.val) < 0 ||
	    read_held_out(ev, &ev->test, &ev->config->in.test) < 0)
		return -1;
	dataset_warn_missing(&ev->val, "--val");
	dataset_warn_missing(&ev->test, "--test");
	dataset_warn_shared(&ev->images, &ev->val, "--val");
	dataset_warn_shared(&ev->images, &ev->test, "--test");
	return strcmp(ev->val.digest, ev->test.digest)
	           ? 0
	           : fail("--val and --test hold the same images (%.12s...)", ev->val.digest);
}

/* Checks whether batches are missing; prepares the pool for --reuse-labels. */
static int open_pool(struct evaluation *ev, int batch)
{
	const struct label_set *l = &ev->labels;
	int of_epoch = epoch_whole_batches(&ev->epoch);
	long all = (long)l->epochs * of_epoch, batches = label_set_batches(l, of_epoch);
	if (batches < 0)
		return -1;
	if (!ev->config->in.reuse_labels)
		return batches == all ? 0
		                      : fail("the labels hold %ld of the %ld batches of their %d "
		                             "epochs; --reuse-labels uses them again",
		                            batches, all, l->epochs);
	ev->pool = (struct pool){.labels = l->stream,
	    .images = &ev->images,
	    .size = l->size,
	    .epochs = l->epochs,
	    .batches = batches,
	    .seed = ev->config->seed};
	pool_init(&ev->pool, batch, l->classes, &l->views);
	return 0;
}

static int outputs_open(const struct eval_outputs *out)
{
	if (out_try(out->results, OUT_TEXT) < 0 || (out->save && out_try(out->save, 0) < 0))
		return -1;
	return out->report ? out_try(out->report, OUT_TEXT) : 0;
}

static int start_students(struct evaluation *ev)
{
	const struct eval_config *config = ev->config;
	struct student_learning how = config->learning;
	const json_t *learned = json_object_get(ev->images.meta, "student_lr");
	how.sgd_lr =
	    config->in.learned && json_is_number(learned) ? json_number_value(learned) : sgd_lr;
	ev->students = xcalloc((size_t)config->n_students, sizeof *ev->students);
	ev->trained = xcalloc((size_t)config->n_students, sizeof *ev->trained);
	for (int i = 0; i < config->n_students; i++) {
		struct student *s = &ev->students[i];
		if (student_init(s, &config->students[i], &how,
		        (const char *const *)ev->labels.class_names, ev->labels.classes,
		        ev->labels.size, config->in.test.n > 0) < 0)
			return -1;
		ev->trained[i] = (struct trained){.params = &s->net.params,
		    .average = s->kept ? &s->kept->average : NULL,
		    .optim = &s->optim};
		snprintf(ev->trained[i].prefix, sizeof ev->trained[i].prefix, "%d.", i);
	}
	return 0;
}

/* Returns the inputs that a resumed run must share. The labels' digest is known only at their end,
 * so their meta stands in for it. */
static json_t *inputs(const struct evaluation *ev)
{
	json_t *in = json_pack("{s:s, s:s, s:s}", "images", ev->images.digest, "val",
	    ev->val.digest, "test", ev->test.digest);
	if (ev->labels.stream)
		json_object_set(in, "labels", fd2_stream_meta(ev->labels.stream));
	if (ev->config->learning.init)
		json_object_set_new(in, "init", json_string(ev->students[0].init));
	return in;
}

/* Fails if no step can be taken. A batch that has, in it or in a half, too few images for
 * BatchNorm's statistics is skipped if there are others. */
static int check_steps(const struct evaluation *ev, int batch)
{
	int parts = ev->labels.halves && batch > 1 ? 2 : 1;
	if (batch / parts >= 2 || ev->epoch.batches == 1)
		return 0;
	return fail("no step can be taken: BatchNorm needs two images in %s, and batches have %d",
	    parts == 2 ? "each half of a batch" : "a batch", batch);
}

/* Records the settings that the labels, or the defaults of --hard, decided in place of options. */
static void record_settings(const struct evaluation *ev, int batch)
{
	opt_resolved("epochs", json_integer(ev->epochs));
	opt_resolved("val-every", json_integer(ev->val_every));
	opt_resolved("batch", json_integer(batch));
	opt_resolved("size", json_integer(ev->labels.size));
	opt_resolved("fit", json_string(fit_name(ev->labels.fit)));
}

int evaluation_prepare(struct evaluation *ev)
{
	const struct eval_config *config = ev->config;
	checkpoint_init(&ev->checkpoint, config->out.results, NULL, config->n_students, NULL);
	if ((!config->dry_run && outputs_open(&config->out) < 0) ||
	    checkpoint_check(&ev->checkpoint, config->out.resume) < 0)
		return -1;
	if (config->in.hard || config->in.learned ? read_own(ev) < 0 : open_labels(ev) < 0)
		return -1;
	const struct label_set *l = &ev->labels;
	int batch = l->batch < ev->images.n ? l->batch : ev->images.n;
	ev->epochs = config->epochs ? (int)config->epochs : l->epochs;
	ev->val_every = config->val_every != OPT_UNSET ? config->val_every
	                : ev->epochs > 100             ? ev->epochs / 10
	                                               : 10;
	if (config->in.fit != FIT_NONE)
		ev->labels.fit = config->in.fit;
	if (read_all_held_out(ev) < 0)
		return -1;
	record_settings(ev, batch);
	batch_init(&ev->batch, batch, l->size);
	epoch_init(&ev->epoch, ev->images.n, batch, l->classes, &l->views);
	if (check_steps(ev, batch) < 0 || (l->stream && open_pool(ev, batch) < 0) ||
	    start_students(ev) < 0)
		return -1;
	ev->checkpoint.networks = ev->trained;
	ev->checkpoint.inputs = inputs(ev);
	int finished = evaluation_finished(ev);
	return finished ? finished : evaluation_load(ev);
}
