/* Stage 1: Backbone+CAL by Eq. 8, prototypes updated online by Eq. 5. */
#include "lib/fd2/teacher/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/rng.h"
#include "lib/fd2/teacher/cal-augment.h"
#include "lib/fd2/teacher/checkpoint.h"
#include "lib/fd2/batch/late.h"
#include "lib/fd2/teacher/losses.h"
#include "lib/fd2/batch/measures.h"
#include "lib/fd2/teacher/teacher.h"
#include "lib/fd2/batch/validate.h"
#include "lib/fd2/stage.h"
#include "lib/nn/ema.h"
#include "lib/nn/optim.h"
#include "lib/nn/pretrained.h"

struct run {
	const struct teacher_job *job;
	struct teacher teacher;
	struct optim optim;
	struct augment augment;
	struct dataset train, val;
	struct ema ema;             /* with --ema */
	struct batch batch, guided; /* guided: crops and drops of --cal-augment */
	enum scalar type;
	uint32_t *order; /* in which the epoch goes through the images */
	long epoch;      /* finished ones */
	struct best best;
	/* digest of --init */
	char init[DIGEST_HEX];
	struct late late;    /* what leave_results made */
	double loss, center; /* sums over the images of the epoch */
	struct hits hits[2];
};

/* A-bar of Eq. 4 while training: uniform in [0,2] an element. */
static Tensor *counterfactual(const Tensor *A, uint64_t seed, long epoch, long batch, bool guided)
{
	int64_t shape[4], n = tensor_numel(A);
	for (int i = 0; i < 4; i++)
		shape[i] = tensor_size(A, i);
	struct rng r = rng_at(seed, RNG_ATTENTION, (uint64_t)epoch, (uint32_t)batch, guided);
	float *v = xcalloc((size_t)n + 1, sizeof *v);
	for (int64_t i = 0; i < n; i++)
		v[i] = (float)rng_between(&r, 0, 2);
	Tensor *t = tensor_from(v, T_F32, 4, shape);
	free(v);
	return t;
}

/* One batch's pass. */
struct seen {
	struct rng random; /* of dropout */
	struct pass pass;
	long batch;
	Tensor *labels;
	struct teacher_out o;
	Tensor *center;
};

static Tensor *effect(const struct run *r, const struct teacher_out *o, long batch, bool guided)
{
	return teacher_effect(
	    &r->teacher, o, counterfactual(o->A, (uint64_t)common.seed, r->epoch, batch, guided));
}

/* Eq. 6, or CAL's own form with attention-guided crops and drops. */
static Tensor *loss_of_cal(struct run *r, struct seen *s)
{
	const struct teacher_job *job = r->job;
	Tensor *p_eff = effect(r, &s->o, s->batch, false);
	if (!job->cal_augment)
		return loss_cal(
		    s->o.p_raw, p_eff, s->labels, s->center, job->eta, job->label_smoothing);
	struct batch *b = &r->batch, *g = &r->guided;
	if (cal_augment(g->pixels, b->pixels, tensor_detach(s->o.A), b->size, (uint64_t)common.seed,
	        r->epoch, s->batch) < 0)
		return NULL;
	struct pass pass = {
	    .bn = BN_TRAIN, .keep = backbone_keep(&r->teacher.backbone, 2 * b->n, &s->random)};
	struct teacher_out o =
	    teacher_forward(&r->teacher, batch_images(g, 0, 2 * b->n, r->type), &pass);
	return loss_cal_augmented(s->o.p_raw, p_eff, o.p_raw, effect(r, &o, s->batch, true),
	    s->labels, s->center, job->eta, job->label_smoothing);
}

static void update_prototypes(struct run *r, const struct seen *s)
{
	bool paper = r->job->center_update == CENTER_PAPER;
	(paper ? prototypes_update : prototypes_update_cal)(
	    r->teacher.cal.prototypes, tensor_detach(s->o.z), r->batch.labels, r->job->mu);
}

/* Loss and center term, then the logits [n,K] of both branches: f32 [2 + 2 n K]. */
static Tensor *leave_results(const Tensor *loss, const struct seen *s)
{
	const Tensor *of[] = {loss, s->center, s->o.p_bb, s->o.p_raw};
	Tensor *flat[4];
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < 4; i++)
		flat[i] = tensor_to(tensor_reshape(of[i], 1, (int64_t[]){-1}), T_F32);
	Tensor *all = tensor_keep(tensor_cat(flat, 4, 0));
	tensor_scope_end();
	return all;
}

/* The gradients of a batch. Returns what is to be read of it. */
static Tensor *learn(struct run *r, long batch)
{
	const struct teacher_job *job = r->job;
	struct batch *b = &r->batch;
	struct seen s = {.pass.bn = BN_TRAIN, .batch = batch};
	s.random =
	    rng_at((uint64_t)common.seed, RNG_DROPOUT, (uint64_t)r->epoch, (uint32_t)batch, 0);
	tensor_scope_begin(GRAD);
	s.pass.keep = backbone_keep(&r->teacher.backbone, b->n, &s.random);
	s.labels = batch_labels(b, 0, b->n);
	s.o = teacher_forward(&r->teacher, batch_images(b, 0, b->n, r->type), &s.pass);
	s.center = loss_center(s.o.z, r->teacher.cal.prototypes, s.labels);
	Tensor *loss =
	    loss_pre(s.o.p_bb, loss_of_cal(r, &s), s.labels, job->alpha, job->label_smoothing);
	int ok = optim_backward(&r->optim, loss);
	update_prototypes(r, &s);
	Tensor *left = ok < 0 ? NULL : tensor_keep(leave_results(loss, &s));
	tensor_scope_end();
	return left;
}

static int step(struct run *r, int batch, double lr)
{
	tensor_scope_begin(NO_GRAD);
	Tensor *left = learn(r, batch);
	int ok = left ? 0 : -1;
	if (!ok) {
		optim_next(&r->optim, lr);
		optim_update(&r->optim);
	}
	if (!ok && r->job->ema > 0)
		ema_update(&r->ema, r->optim.step);
	if (!ok)
		ok = late_next(&r->late, left, T_F32, tensor_numel(left), batch);
	tensor_scope_end();
	return ok < 0 || tensor_error() ? fail("training failed: %s", tensor_error()) : 0;
}

/* Images of a batch. */
static int size_of(const struct run *r, int batch)
{
	int n = r->train.n - batch * (int)r->job->batch;
	return n < r->job->batch ? n : (int)r->job->batch;
}

static int count_results(void *ctx, Reading *left, int batch)
{
	struct run *r = ctx;
	int n = size_of(r, batch), first = batch * (int)r->job->batch, K = r->teacher.classes;
	float *v = xcalloc(2 + 2 * (size_t)n * (size_t)K, sizeof *v);
	int ok = tensor_read_end(left, v) < 0 ? fail("training failed: %s", tensor_error()) : 0;
	r->loss += v[0] * (double)n;
	r->center += v[1] * (double)n;
	for (int branch = 0; branch < 2; branch++)
		for (int i = 0; i < n; i++)
			hits_add(&r->hits[branch], v + 2 + (size_t)(branch * n + i) * (size_t)K, K,
			    r->train.v[r->order[first + i]].label);
	free(v);
	progress_at(r->epoch * r->train.n + first + n, "epoch %ld  loss %.3f", r->epoch + 1,
	    r->loss / (double)r->hits[0].n);
	return ok;
}

static void fill(struct run *r, int batch)
{
	const struct teacher_job *job = r->job;
	int first = batch * (int)job->batch, end = first + size_of(r, batch);
	batch_clear(&r->batch);
	for (int i = first; i < end; i++) {
		const struct item *it = &r->train.v[r->order[i]];
		struct view v = view_random(&it->image, (int)job->size, &r->augment,
		    (uint64_t)common.seed, r->epoch, r->order[i]);
		batch_add(&r->batch, it, &v);
	}
	(job->cal_augment ? batch_render_here : batch_render)(&r->batch, &r->teacher.normal);
}

static uint32_t *shuffled(int n, long epoch)
{
	struct rng r = rng_at((uint64_t)common.seed, RNG_SHUFFLE, (uint64_t)epoch, 0, 0);
	uint32_t *order = xcalloc((size_t)n, sizeof *order);
	for (int i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	rng_shuffle(&r, order, (uint32_t)n);
	return order;
}

static double rate(const struct teacher_job *job, double t)
{
	return job->schedule == SCHEDULE_EXP ? lr_exponential(job->lr, t)
	                                     : lr_cosine(job->lr, t, job->epochs, job->warmup, 1);
}

/* A last batch of one image is left out: it has no variance to normalise by. */
static int train_epoch(struct run *r)
{
	const struct teacher_job *job = r->job;
	int ok = 0, batches = (r->train.n + (int)job->batch - 1) / (int)job->batch;
	r->order = shuffled(r->train.n, r->epoch);
	r->loss = r->center = 0;
	r->hits[0] = r->hits[1] = (struct hits){0};
	for (int i = 0; i < batches && size_of(r, i) > 1 && !ok; i++) {
		fill(r, i);
		ok = step(r, i, rate(job, r->epoch + (double)i / batches));
	}
	if (!ok)
		ok = late_end(&r->late);
	free(r->order);
	return ok;
}

struct branches {
	const struct teacher *teacher;
	struct hits *hits; /* backbone, CAL */
};

static void count_branches(void *ctx, const Tensor *x, const int64_t *labels)
{
	const struct branches *b = ctx;
	struct pass pass = {.bn = BN_RUNNING};
	struct teacher_out o = teacher_forward(b->teacher, x, &pass);
	hits_count(&b->hits[0], o.p_bb, labels);
	hits_count(&b->hits[1], o.p_raw, labels);
}

/* Training accuracy is counted while training, on augmented images. */
static int report(struct run *r, struct hits val[2])
{
	double n = (double)r->hits[0].n;
	json_t *e = json_pack("{s:s, s:i, s:o, s:o, s:f, s:f}", "event", "epoch", "epoch",
	    (int)r->epoch, "loss",
	    json_pack("{s:o, s:o}", "total", json_real_or_null(r->loss / n), "center",
	        json_real_or_null(r->center / n)),
	    "lr", json_real_or_null(rate(r->job, (double)r->epoch - 1)), "train_backbone",
	    hits_top1(&r->hits[0]), "train_cal", hits_top1(&r->hits[1]));
	if (r->val.n) {
		struct branches b = {&r->teacher, val};
		val[0] = val[1] = (struct hits){0};
		if (validate(&r->val, (int)r->job->size, &r->teacher.normal, count_branches, &b) <
		    0)
			return -1;
		json_object_set_new(e, "val_backbone", json_real(hits_top1(&val[0])));
		json_object_set_new(e, "val_cal", json_real(hits_top1(&val[1])));
		say("epoch %3ld  loss %.3f  train %5.1f %%  val: backbone %5.2f %%  cal %5.2f %%",
		    r->epoch, r->loss / n, hits_top1(&r->hits[0]), hits_top1(&val[0]),
		    hits_top1(&val[1]));
	} else {
		say("epoch %3ld  loss %.3f  train: backbone %5.2f %%  cal %5.2f %%", r->epoch,
		    r->loss / n, hits_top1(&r->hits[0]), hits_top1(&r->hits[1]));
	}
	log_event(e);
	return 0;
}

static struct training training(struct run *r)
{
	return (struct training){&r->teacher.backbone.params,
	    r->job->ema > 0 ? &r->ema.average : NULL, &r->optim, r->train.digest, r->epoch,
	    r->best};
}

static json_t *inputs(const struct run *r)
{
	json_t *in = json_pack("{s:s}", "train", r->train.digest);
	if (r->job->init)
		json_object_set_new(in, "init", json_string(r->init));
	return in;
}

static json_t *provenance(const struct run *r, const struct hits val[2])
{
	json_t *p = fd2_provenance();
	json_object_set_new(p, "inputs", inputs(r));
	json_object_set_new(p, "epoch", json_integer(r->epoch));
	if (r->val.n)
		json_object_set_new(p, "val",
		    json_pack("{s:s, s:f, s:f}", "digest", r->val.digest, "backbone",
		        hits_top1(&val[0]), "cal", hits_top1(&val[1])));
	return p;
}

static int write_teacher(const struct run *r, struct out *out, const struct hits val[2])
{
	return out ? teacher_write(&r->teacher, out, provenance(r, val)) : -1;
}

static int keep_best(struct run *r, const struct hits val[2])
{
	struct best now = {r->epoch, hits_top1(&val[0]), hits_top1(&val[1])};
	if (r->best.epoch && now.backbone + now.cal <= r->best.backbone + r->best.cal)
		return 0;
	r->best = now;
	return r->job->best ? write_teacher(r, out_open(r->job->best, 0), val) : 0;
}

static int checkpoint(struct run *r)
{
	const struct teacher_job *job = r->job;
	bool due = job->checkpoint_every && r->epoch % job->checkpoint_every == 0 &&
	           r->epoch < job->epochs;
	struct training t = training(r);
	return due ? checkpoint_write(job->out, &t) : 0;
}

/* What comes after an epoch is done with the average, if one is kept: it is what will be
 * written. */
static int end_epoch(struct run *r, struct hits val[2])
{
	if (r->job->ema > 0)
		ema_swap(&r->ema);
	int ok = report(r, val);
	if (!ok && r->val.n)
		ok = keep_best(r, val);
	if (!ok && r->epoch == r->job->epochs)
		ok = write_teacher(r, out_open(r->job->out, 0), val);
	if (r->job->ema > 0)
		ema_swap(&r->ema);
	return ok;
}

/* As the paper's appendix Table 3 has it. */
static void print_table(const struct run *r, const struct hits val[2])
{
	if (!r->val.n)
		return;
	say("%-16s %14s %14s", r->teacher.backbone.arch->name, "last epoch", "best epoch");
	say("%-16s %14ld %14ld", "epoch", r->epoch, r->best.epoch);
	say("%-16s %14ld", "attention maps", r->job->maps);
	say("%-16s %14g", "CAL ratio alpha", r->job->alpha);
	say("%-16s %12.2f %% %12.2f %%", "backbone acc", hits_top1(&val[0]), r->best.backbone);
	say("%-16s %12.2f %% %12.2f %%", "CAL acc", hits_top1(&val[1]), r->best.cal);
}

static int train(struct run *r)
{
	const struct teacher_job *job = r->job;
	struct hits val[2] = {{0}};
	progress_start("teacher", job->epochs * r->train.n);
	while (r->epoch < job->epochs) {
		if (train_epoch(r) < 0)
			return -1;
		r->epoch++;
		if (end_epoch(r, val) < 0 || checkpoint(r) < 0)
			return -1;
	}
	progress_end();
	print_table(r, val);
	checkpoint_remove(job->out);
	return 0;
}

static int read_data(struct run *r)
{
	const struct teacher_job *job = r->job;
	struct dataset_options o = {
	    .fit = job->fit, .size = (int)job->size, .cache = job->cache, .strict = job->strict};
	if (dataset_read(&r->train, job->shards, job->n_shards, &o) < 0)
		return -1;
	if (!r->train.classes)
		return fail("the training shards have no class names; folders (class/name.jpg) or "
		            "an __fd2__ list give them");
	if (r->train.n_classes < 2)
		return fail("the training shards hold one class, '%s'; at least two are wanted",
		    r->train.classes[0]);
	o.known = (const char *const *)r->train.classes;
	o.n_known = r->train.n_classes;
	o.known_by = "the training set";
	return job->val.n ? dataset_read(&r->val, (char **)job->val.v, job->val.n, &o) : 0;
}

/* Whether a run with --resume finds its work done. */
static bool is_made(const struct run *r)
{
	const char *out = r->job->out, *best = r->job->best;
	bool there =
	    !checkpoint_exists(out) && !access(out, R_OK) && (!best || !access(best, R_OK));
	struct stream_reader *s = there ? stream_open(out, "teacher") : NULL;
	json_t *was = s ? stream_meta(s) : NULL, *now = fd2_provenance(), *in = inputs(r);
	bool made = s &&
	            json_equal(json_object_get(was, "options"), json_object_get(now, "options")) &&
	            json_equal(json_object_get(was, "inputs"), in) &&
	            json_integer_value(json_object_get(was, "epoch")) == r->job->epochs;
	if (s)
		stream_close(s);
	json_decref(in);
	json_decref(now);
	if (made)
		out_made_already(out);
	return made;
}

static int build(struct run *r)
{
	const struct teacher_job *job = r->job;
	struct teacher *t = &r->teacher;
	t->classes = r->train.n_classes;
	t->class_names = names_copy((const char *const *)r->train.classes, t->classes);
	t->size = (int)job->size;
	t->last_stride = (int)job->last_stride;
	t->alpha = job->alpha;
	t->fit = job->fit;
	memcpy(t->normal.mean, job->mean, sizeof t->normal.mean);
	memcpy(t->normal.std, job->std, sizeof t->normal.std);
	if (teacher_init(t, arch_at(job->arch)->name, (int)job->maps, (uint64_t)common.seed) < 0)
		return -1;
	if (job->init && pretrained_read(&t->backbone, job->init, r->init) < 0)
		return -1;
	r->augment = (struct augment){
	    .crop = job->augment, .min_scale = job->min_scale, .jitter.degrees = job->rotate};
	memcpy(r->augment.jitter.amount, job->jitter, sizeof r->augment.jitter.amount);
	r->optim = (struct optim){OPTIM_SGD, .momentum = job->momentum,
	    .weight_decay = job->weight_decay, .nesterov = job->nesterov, .clip = job->clip,
	    .slow = "cal.fc.", .slow_share = job->cal_lr, .decay_all = true};
	optim_init(&r->optim, &t->backbone.params);
	if (job->ema > 0)
		ema_init(&r->ema, &t->backbone.params, job->ema);
	struct training state = training(r);
	if (job->resume && checkpoint_read(job->out, &state) < 0)
		return -1;
	r->epoch = state.epoch;
	r->best = state.best;
	if (r->epoch)
		say("resumed after epoch %ld", r->epoch);
	return 0;
}

int stage_teacher(const struct teacher_job *job)
{
	struct run r = {.job = job, .type = arithmetic(), .late = {count_results, &r}};
	batch_init(&r.batch, (int)job->batch, (int)job->size);
	if (job->cal_augment)
		batch_init(&r.guided, 2 * (int)job->batch, (int)job->size);
	int ok = 0;
	if (!job->resume && checkpoint_exists(job->out))
		ok = fail("'%s.ckpt' is the state of an interrupted run: go on with --resume, or "
		          "remove it",
		    job->out);
	if (!ok)
		ok = out_try(job->out, 0);
	if (!ok)
		ok = read_data(&r);
	if (!ok)
		ok = build(&r);
	if (!ok && !(job->resume && is_made(&r)))
		ok = train(&r);
	optim_free(&r.optim);
	teacher_free(&r.teacher);
	dataset_free(&r.train);
	dataset_free(&r.val);
	ema_free(&r.ema);
	late_free(&r.late);
	batch_free(&r.batch);
	batch_free(&r.guided);
	return ok;
}

STAGE(stage_teacher)
