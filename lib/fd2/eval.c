/* Stage 6: a plain backbone trained on the distilled images alone, and its accuracy on held-out ones (spec, section 4). */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/fd2/jobs.h"
#include "lib/fd2/label-pool.h"
#include "lib/fd2/losses.h"
#include "lib/fd2/validate.h"
#include "lib/nn/backbone.h"
#include "lib/nn/optim.h"
#include "lib/nn/pretrained.h"
#include "lib/nn/weights.h"

enum { HARD_EPOCHS = 300, HARD_SIZE = 224 };

struct run {
	const struct eval_job *job;
	struct stream_reader *labels; /* NULL with --hard */
	struct dataset images, val;
	struct backbone student;
	struct optim optim;
	struct batch batch;
	struct epoch epoch;
	struct views views;
	struct pool pool; /* with --reuse-labels */
	struct normal normal;
	char **class_names;
	int classes, size, epochs;
	int labelled; /* epochs in the labels */
	size_t label_bytes;
	enum fit fit;  /* of the validation images */
	char init[17]; /* digest of --init */
	bool halves;   /* each batch in two accumulated halves, as the teacher saw it */
	double loss;
	struct hits last, best;
	int best_epoch;
};

/* --- training ------------------------------------------------------------------------------------------------------------------
 */

static Tensor *loss_of(struct run *r, const Tensor *logits, int i, int first, int n)
{
	int at = r->epoch.starts[i] + first;
	if (!r->labels)
		return tensor_cross_entropy(logits, batch_labels(&r->batch, first, n), r->job->label_smoothing);
	Tensor *teacher = tensor_from(r->epoch.logits + (size_t)at * r->classes, T_F16, 2, (int64_t[]){n, r->classes});
	return loss_kl(logits, tensor_to(teacher, tensor_type(logits)), r->job->temperature);
}

static int train_batch(struct run *r, int e, int i, double lr)
{
	int n = epoch_render(&r->epoch, i, &r->batch, &r->images, &r->normal);
	int parts = r->halves && n > 1 ? 2 : 1, first = 0, ok = 0;
	if (n / parts < 2 && r->epoch.batches > 1)
		return 0; /* a rest that is too small for batch statistics */
	for (int half = 0; half < parts && !ok; half++) {
		int m = parts == 1 ? n : half ? n - first : n / 2;
		struct rng random = rng_at((uint64_t)common.seed, RNG_DROPOUT, (uint64_t)e, (uint32_t)i, (uint32_t)half);
		struct pass pass = {.bn = BN_TRAIN, .random = &random};
		tensor_scope_begin(GRAD);
		Tensor *F = backbone_features(&r->student, batch_images(&r->batch, first, m, arithmetic()), &pass);
		Tensor *loss = loss_of(r, backbone_logits(&r->student, F, &pass), i, first, m);
		ok = optim_backward(&r->optim, tensor_affine(loss, 1.0 / parts, 0));
		r->loss += tensor_item(loss) * m;
		tensor_scope_end();
		first += m;
	}
	if (!ok)
		optim_update(&r->optim, lr);
	return ok < 0 || tensor_error() ? fail("training failed: %s", tensor_error()) : 0;
}

/* The next epoch's views: from the labels, or drawn here. 0 when the labels have ended. */
static int next_epoch(struct run *r, long e)
{
	if (!r->labels) {
		epoch_draw(&r->epoch, &r->images, r->size, r->job->min_scale, (uint64_t)common.seed, e);
		return 1;
	}
	int got = r->job->reuse_labels ? pool_next(&r->pool, &r->epoch) : epoch_read(&r->epoch, r->labels, e, &r->images, r->size);
	r->label_bytes = r->job->reuse_labels ? r->pool.bytes : r->label_bytes + epoch_bytes(&r->epoch);
	return got;
}

/* After all the epochs that the labels promise they must end, in a record that tells them whole. */
static int labels_end(struct run *r)
{
	struct array a;
	if (r->labels && r->job->reuse_labels)
		return pool_end(&r->pool);
	if (!r->labels || r->epochs < r->labelled)
		return 0;
	int got = stream_next(r->labels, &a);
	if (got <= 0)
		return got;
	fail("the labels go on after epoch %d with tensor '%s'", r->epochs, a.name);
	array_free(&a);
	return -1;
}

static void student_logits(void *net, const Tensor *x, Tensor **logits)
{
	struct pass pass = {.bn = BN_RUNNING};
	logits[0] = backbone_logits(net, backbone_features(net, x, &pass), &pass);
}

static int measure(struct run *r, int e)
{
	if (validate(&r->val, r->size, &r->normal, student_logits, &r->student, 1, &r->last) < 0)
		return -1;
	if (!r->best_epoch || r->last.top1 > r->best.top1) {
		r->best = r->last;
		r->best_epoch = e;
	}
	chat("epoch %4d  loss %.4f  top-1 %5.2f %%  top-5 %5.2f %%", e, r->loss / r->epoch.n, hits_top1(&r->last),
	    hits_top5(&r->last));
	return 0;
}

/* Every epoch's loss, and its accuracy where that was measured. */
static void log_epoch(const struct run *r, int e, bool measured)
{
	if (!log_wanted())
		return;
	json_t *event = json_pack("{s:s, s:i, s:{s:o}}", "event", "epoch", "epoch", e, "loss", r->labels ? "kl" : "ce",
	    json_real_or_null(r->loss / r->epoch.n));
	if (measured) {
		json_object_set_new(event, "top1", json_real(hits_top1(&r->last)));
		json_object_set_new(event, "top5", json_real(hits_top5(&r->last)));
	}
	log_event(event);
}

static int train(struct run *r)
{
	const struct eval_job *job = r->job;
	progress_start("student", r->epochs);
	for (int e = 0; e < r->epochs; e++) {
		int got = next_epoch(r, e);
		if (got < 0)
			return -1;
		if (!got)
			return fail("the labels end after epoch %d of %d", e, r->epochs);
		r->loss = 0;
		double lr = lr_cosine(job->lr, e, r->epochs, 0, job->zeta);
		for (int i = 0; i < r->epoch.batches; i++)
			if (train_batch(r, e, i, lr) < 0)
				return -1;
		bool due = e + 1 == r->epochs || (job->val_every && (e + 1) % job->val_every == 0);
		if (due && measure(r, e + 1) < 0)
			return -1;
		log_epoch(r, e + 1, due);
		progress_at(e + 1, "loss %.4f  top-1 %.1f %%", r->loss / r->epoch.n, hits_top1(&r->last));
	}
	progress_end();
	return labels_end(r);
}

/* --- start ----------------------------------------------------------------------------------------------------------------------
 */

/* What the labels were made for decides size, batch, halves, pixels' scale and classes. */
static int open_labels(struct run *r, int *batch, const char **made_for)
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

static int read_images(struct run *r, const char *made_for)
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

static int read_val(struct run *r)
{
	const struct eval_job *job = r->job;
	struct dataset_options o = {.fit = r->fit,
	    .size = r->size,
	    .cache = job->cache,
	    .strict = job->strict,
	    .known = (const char *const *)r->class_names,
	    .n_known = r->classes,
	    .known_by = "the distilled set"};
	return dataset_read(&r->val, (char **)job->val.v, job->val.n, &o);
}

/* Whether batches are missing, and the pool where they are to be used again. */
static int open_pool(struct run *r, int batch)
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

static int prepare(struct run *r)
{
	const struct eval_job *job = r->job;
	if (out_try(job->out, OUT_TEXT) < 0 || (job->save && out_try(job->save, 0) < 0))
		return -1;
	const char *made_for = NULL;
	int batch = job->batch ? (int)job->batch : 16;
	r->size = job->size ? (int)job->size : HARD_SIZE;
	r->epochs = job->epochs ? (int)job->epochs : HARD_EPOCHS;
	r->fit = fit_of(job->fit ? job->fit : "short");
	r->normal = (struct normal){{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
	if (!job->hard && open_labels(r, &batch, &made_for) < 0)
		return -1;
	if (read_images(r, made_for) < 0 || read_val(r) < 0)
		return -1;
	if (batch > r->images.n)
		batch = r->images.n;
	batch_init(&r->batch, batch, r->size);
	epoch_init(&r->epoch, r->images.n, batch, r->classes, &r->views);
	if (r->labels && open_pool(r, batch) < 0)
		return -1;
	struct arch_options o = {.classes = r->classes, .size = r->size, .last_stride = 2};
	if (backbone_init(&r->student, job->arch, &o, (uint64_t)common.seed) < 0)
		return -1;
	if (job->init && pretrained_read(&r->student, job->init, r->init) < 0)
		return -1;
	r->optim = (struct optim){OPTIM_ADAMW, .weight_decay = job->weight_decay};
	optim_init(&r->optim, &r->student.params);
	return 0;
}

/* --- results --------------------------------------------------------------------------------------------------------------------
 */

static bool is_safetensors(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot && !strcmp(dot, ".safetensors");
}

static int save(const struct run *r)
{
	if (!r->job->save)
		return 0;
	json_t *meta = fd2_provenance();
	json_object_set_new(meta, "arch", json_string(r->job->arch));
	json_object_set_new(meta, "classes", names_to_json((const char *const *)r->class_names, r->classes));
	json_object_set_new(meta, "size", json_integer(r->size));
	json_object_set_new(meta, "top1", json_real(hits_top1(&r->last)));
	json_object_set_new(meta, "inputs", json_pack("{s:s, s:s}", "images", r->images.digest, "val", r->val.digest));
	struct out *out = out_open(r->job->save, 0);
	if (out && is_safetensors(r->job->save)) {
		int ok = pretrained_write(&r->student.params, out, meta);
		json_decref(meta);
		return ok;
	}
	struct stream_writer *w = out ? stream_create(out, "student", meta) : NULL;
	if (!w)
		return -1;
	if (weights_put(w, "", &r->student.params) == 0)
		return stream_finish(w);
	stream_abandon(w);
	return -1;
}

/* One line, accuracies as fractions as DD-Ranking has them; the seconds are not in it, so that the same run gives the same bytes.
 */
static int print(const struct run *r)
{
	const struct eval_job *job = r->job;
	json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:i, s:f, s:I, s:s}", "arch", job->arch, "data",
	    job->data, "labels", job->hard ? "hard" : "soft", "classes", r->classes, "images", r->images.n, "val_images", r->val.n,
	    "epochs", r->epochs, "top1", hits_top1(&r->last) / 100, "top5", hits_top5(&r->last) / 100, "best_top1",
	    hits_top1(&r->best) / 100, "best_epoch", r->best_epoch, "loss", r->loss / r->epoch.n, "seed", (json_int_t)common.seed,
	    "student_init", job->init ? r->init : "random");
	json_object_set_new(o, "image_bytes", json_integer((json_int_t)r->images.sizes_sum));
	json_object_set_new(o, "label_bytes", json_integer((json_int_t)r->label_bytes));
	char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(o);
	struct out *out = out_open(job->out, OUT_TEXT);
	int ok = out ? out_write(out, text, strlen(text)) : -1;
	if (!ok)
		ok = out_write(out, "\n", 1);
	free(text);
	return out && out_close(out) < 0 ? -1 : ok;
}

int stage_eval(const struct eval_job *job)
{
	struct run r = {.job = job};
	int ok = prepare(&r);
	if (!ok)
		ok = train(&r);
	if (!ok)
		ok = save(&r);
	if (!ok)
		ok = print(&r);
	if (r.labels)
		stream_close(r.labels);
	names_free(r.class_names, r.classes);
	optim_free(&r.optim);
	backbone_free(&r.student);
	batch_free(&r.batch);
	epoch_free(&r.epoch);
	pool_free(&r.pool);
	dataset_free(&r.images);
	dataset_free(&r.val);
	return ok;
}
