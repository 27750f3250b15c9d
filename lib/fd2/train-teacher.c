/* Stage 1: Backbone+CAL by Eq. 8, prototypes updated online by Eq. 5. */
#include "lib/fd2/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/rng.h"
#include "lib/fd2/checkpoint.h"
#include "lib/fd2/losses.h"
#include "lib/fd2/teacher.h"
#include "lib/fd2/validate.h"
#include "lib/nn/optim.h"

struct run {
	const struct teacher_job *job;
	struct teacher teacher;
	struct optim optim;
	struct dataset train, val;
	struct batch batch;
	enum scalar type;
	long epoch; /* finished ones */
	double best;
	double loss, center; /* sums over the images of the epoch */
	struct hits hits[2];
};

static const struct normal imagenet = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};

/* --- one step -------------------------------------------------------------------------------------------------------------- */

/* A-bar of Eq. 4 while training: uniform in [0,2] an element. */
static Tensor *counterfactual(const Tensor *A, uint64_t seed, long epoch, long batch)
{
	int64_t shape[4], n = tensor_numel(A);
	for (int i = 0; i < 4; i++)
		shape[i] = tensor_size(A, i);
	struct rng r = rng_at(seed, RNG_ATTENTION, (uint64_t)epoch, (uint32_t)batch, 0);
	float *v = xcalloc((size_t)n + 1, sizeof *v);
	for (int64_t i = 0; i < n; i++)
		v[i] = (float)rng_between(&r, 0, 2);
	Tensor *t = tensor_from(v, T_F32, 4, shape);
	free(v);
	return t;
}

static int step(struct run *r, long batch, double lr)
{
	const struct teacher_job *job = r->job;
	struct batch *b = &r->batch;
	struct rng random = rng_at((uint64_t)common.seed, RNG_DROPOUT, (uint64_t)r->epoch, (uint32_t)batch, 0);
	struct pass pass = {.bn = BN_TRAIN, .random = &random};
	tensor_scope_begin(GRAD);
	Tensor *labels = batch_labels(b, 0, b->n);
	struct teacher_out o = teacher_forward(&r->teacher, batch_images(b, 0, b->n, r->type), &pass);
	Tensor *p_eff = teacher_effect(&r->teacher, &o, counterfactual(o.A, (uint64_t)common.seed, r->epoch, batch));
	Tensor *center = loss_center(o.z, r->teacher.cal.prototypes, labels);
	Tensor *cal = loss_cal(o.p_raw, p_eff, labels, center, job->eta, job->label_smoothing);
	Tensor *loss = loss_pre(o.p_bb, cal, labels, job->alpha, job->label_smoothing);
	int ok = optim_backward(&r->optim, loss);
	prototypes_update(r->teacher.cal.prototypes, tensor_detach(o.z), b->labels, job->mu);
	r->loss += tensor_item(loss) * b->n;
	r->center += tensor_item(center) * b->n;
	hits_count(&r->hits[0], o.p_bb, b->labels);
	hits_count(&r->hits[1], o.p_raw, b->labels);
	tensor_scope_end();
	if (!ok)
		optim_update(&r->optim, lr);
	return ok < 0 || tensor_error() ? fail("training failed: %s", tensor_error()) : 0;
}

/* --- an epoch -------------------------------------------------------------------------------------------------------------- */

static void fill(struct run *r, const uint32_t *order, int first, int n)
{
	const struct teacher_job *job = r->job;
	batch_clear(&r->batch);
	for (int i = first; i < first + n; i++) {
		const struct item *it = &r->train.v[order[i]];
		struct view v = view_random(&it->image, (int)job->size, augment_of(job->augment), job->min_scale,
		    (uint64_t)common.seed, r->epoch, order[i]);
		batch_add(&r->batch, &it->image, it->label, &v);
	}
	batch_render(&r->batch, &r->teacher.normal);
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

/* A last batch of one image is left out: it has no variance to normalise by. */
static int train_epoch(struct run *r)
{
	const struct teacher_job *job = r->job;
	uint32_t *order = shuffled(r->train.n, r->epoch);
	int ok = 0, batches = (r->train.n + (int)job->batch - 1) / (int)job->batch;
	r->loss = r->center = 0;
	r->hits[0] = r->hits[1] = (struct hits){0};
	for (int i = 0; i < batches && !ok; i++) {
		int first = i * (int)job->batch, n = r->train.n - first;
		if (n > job->batch)
			n = (int)job->batch;
		if (n < 2)
			break;
		fill(r, order, first, n);
		ok = step(r, i, lr_cosine(job->lr, r->epoch + (double)i / batches, job->epochs, job->warmup, 1));
		progress_at(
		    r->epoch * r->train.n + first + n, "epoch %ld  loss %.3f", r->epoch + 1, r->loss / (double)r->hits[0].n);
	}
	free(order);
	return ok;
}

static void both_branches(void *net, const Tensor *x, Tensor **logits)
{
	struct pass pass = {.bn = BN_RUNNING};
	struct teacher_out o = teacher_forward(net, x, &pass);
	logits[0] = o.p_bb;
	logits[1] = o.p_raw;
}

/* Training accuracy is counted while training, on augmented images. */
static int report(struct run *r, struct hits val[2])
{
	double n = (double)r->hits[0].n;
	json_t *e = json_pack("{s:s, s:i, s:o, s:o, s:f, s:f}", "event", "epoch", "epoch", (int)r->epoch, "loss",
	    json_pack("{s:o, s:o}", "total", json_real_or_null(r->loss / n), "center", json_real_or_null(r->center / n)), "lr",
	    json_real_or_null(lr_cosine(r->job->lr, (double)r->epoch - 1, r->job->epochs, r->job->warmup, 1)), "train_backbone",
	    hits_top1(&r->hits[0]), "train_cal", hits_top1(&r->hits[1]));
	if (r->val.n) {
		if (validate(&r->val, (int)r->job->size, &r->teacher.normal, both_branches, &r->teacher, 2, val) < 0)
			return -1;
		json_object_set_new(e, "val_backbone", json_real(hits_top1(&val[0])));
		json_object_set_new(e, "val_cal", json_real(hits_top1(&val[1])));
		say("epoch %3ld  loss %.3f  train %5.1f %%  val: backbone %5.2f %%  cal %5.2f %%", r->epoch, r->loss / n,
		    hits_top1(&r->hits[0]), hits_top1(&val[0]), hits_top1(&val[1]));
	} else {
		say("epoch %3ld  loss %.3f  train: backbone %5.2f %%  cal %5.2f %%", r->epoch, r->loss / n, hits_top1(&r->hits[0]),
		    hits_top1(&r->hits[1]));
	}
	log_event(e);
	return 0;
}

static json_t *provenance(const struct run *r, const struct hits val[2])
{
	json_t *p = fd2_provenance();
	json_object_set_new(p, "inputs", json_pack("{s:s}", "train", r->train.digest));
	json_object_set_new(p, "epoch", json_integer(r->epoch));
	if (r->val.n)
		json_object_set_new(p, "val",
		    json_pack(
		        "{s:s, s:f, s:f}", "digest", r->val.digest, "backbone", hits_top1(&val[0]), "cal", hits_top1(&val[1])));
	return p;
}

static int write_teacher(const struct run *r, struct out *out, const struct hits val[2])
{
	return out ? teacher_write(&r->teacher, out, provenance(r, val)) : -1;
}

/* The best epoch is the one with the highest mean of both branches' accuracies. */
static int keep_best(struct run *r, const struct hits val[2])
{
	double now = (hits_top1(&val[0]) + hits_top1(&val[1])) / 2;
	if (!r->job->best || now <= r->best)
		return 0;
	r->best = now;
	return write_teacher(r, out_open(r->job->best, 0), val);
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
		if (report(r, val) < 0 || (r->val.n && keep_best(r, val) < 0))
			return -1;
		bool due = job->checkpoint_every && r->epoch % job->checkpoint_every == 0 && r->epoch < job->epochs;
		if (due &&
		    checkpoint_write(job->out, &r->teacher.backbone.params, &r->optim, r->epoch, r->best, r->train.digest) < 0)
			return -1;
	}
	progress_end();
	if (write_teacher(r, out_open(job->out, 0), val) < 0)
		return -1;
	checkpoint_remove(job->out);
	return 0;
}

/* --- start ------------------------------------------------------------------------------------------------------------------ */

static int read_data(struct run *r)
{
	const struct teacher_job *job = r->job;
	struct dataset_options o = {.fit = fit_of(job->fit), .side = (int)(job->size * 8 / 7), .strict = job->strict};
	if (dataset_read(&r->train, job->shards, job->n_shards, &o) < 0)
		return -1;
	if (!r->train.classes)
		return fail("the training shards have no class names; folders (class/name.jpg) or an __fd2__ list give them");
	if (r->train.n_classes < 2)
		return fail("the training shards hold one class, '%s'; at least two are wanted", r->train.classes[0]);
	o.known = (const char *const *)r->train.classes;
	o.n_known = r->train.n_classes;
	o.known_by = "the training set";
	return job->val.n ? dataset_read(&r->val, (char **)job->val.v, job->val.n, &o) : 0;
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
	t->fit = fit_of(job->fit);
	t->normal = imagenet;
	if (teacher_init(t, job->arch, (int)job->maps, (uint64_t)common.seed) < 0)
		return -1;
	r->optim = (struct optim){OPTIM_SGD, .momentum = job->momentum, .weight_decay = job->weight_decay,
	    .nesterov = job->nesterov, .clip = job->clip, .slow = "cal.fc.", .slow_share = job->cal_lr, .decay_all = true};
	optim_init(&r->optim, &t->backbone.params);
	if (job->resume && checkpoint_read(job->out, &t->backbone.params, &r->optim, &r->epoch, &r->best, r->train.digest) < 0)
		return -1;
	if (r->epoch)
		say("resumed after epoch %ld", r->epoch);
	return 0;
}

int stage_teacher(const struct teacher_job *job)
{
	struct run r = {.job = job, .type = arithmetic(), .best = -1};
	batch_init(&r.batch, (int)job->batch, (int)job->size);
	int ok = out_try(job->out, 0) < 0 ? -1 : read_data(&r);
	if (!ok)
		ok = build(&r);
	if (!ok)
		ok = train(&r);
	optim_free(&r.optim);
	teacher_free(&r.teacher);
	dataset_free(&r.train);
	dataset_free(&r.val);
	batch_free(&r.batch);
	return ok;
}
