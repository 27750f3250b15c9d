/* Stage 3: SRe2L++ with FD2's constraints, group by group (Algorithm 1), every class of a batch at once.
 *
 * Images are numbered from 1 in their class. Image i belongs to group (i-1) / N_S and is the ((i-1) mod N_S + 1)-th of it. What a
 * block (one image index, one batch of classes) becomes depends on the settings, its classes, its index and the finished images
 * before it in the group, and on nothing else: so blocks can be made by different processes (--classes, --id), or again after a
 * crash. */
#include "lib/fd2/jobs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/npy.h"
#include "formats/shard.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/fd2/attention.h"
#include "lib/fd2/earlier.h"
#include "lib/fd2/losses.h"
#include "lib/fd2/patches.h"
#include "lib/fd2/sre2l.h"

struct run {
	const struct distill_job *job;
	struct teacher teacher;
	Tensor *prototypes; /* [K, M*C], f32 */
	double alpha;
	struct dataset real;
	struct patch **patches; /* [K] -> [4*ipc] */
	struct earlier earlier;
	struct shard_writer *writer;
	enum ls_view ls_view;
	int first, last; /* classes to make */
	long steps_done, steps_all;
};

/* One block on its way. */
struct block {
	int first, n; /* classes first .. first+n-1 */
	int id;       /* image, from 1 */
	Tensor *x;    /* [n,3,S,S] f32, normalised: what is learned */
	Tensor *m, *v;
	Tensor *labels;
	Tensor *earlier; /* maps [J,n,M,h,w]; for LS_SAME images [J*n,3,S,S]; NULL for the first of a group */
};

/* The loss terms of a step, for the log; NaN where a term is off. */
struct terms {
	double total, bn, ce, cal, F, S;
	struct step_view view;
};

/* --- one step of one block ------------------------------------------------------------------------------------------------- */

static int in_group(const struct run *r, int id)
{
	return (id - 1) % (int)r->job->group;
}

/* L_S in the view that was asked for; NULL when it is off. */
static Tensor *similarity(
    struct run *r, struct block *b, const struct step_view *view, const Tensor *A, long step, enum scalar type)
{
	struct pass pass = {.bn = BN_RUNNING};
	if (!b->earlier)
		return NULL;
	if (r->ls_view == LS_SAME)
		return loss_S(A, earlier_seen_through(b->earlier, &r->teacher, view, b->n, type));
	if (r->ls_view != LS_PLAIN)
		return loss_S(A, b->earlier);
	if (step % r->job->ls_every)
		return NULL;
	Tensor *F = backbone_features(&r->teacher.backbone, tensor_to(b->x, type), &pass);
	return loss_S(cal_attention(&r->teacher.cal, F, &pass), b->earlier);
}

/* Eq. 12, or the base method's own loss with --plain. */
static Tensor *block_loss(struct run *r, struct block *b, long step, struct terms *t)
{
	const struct distill_job *job = r->job;
	enum scalar type = arithmetic();
	struct step_view view = step_view_random(r->teacher.size, job->min_scale, (uint64_t)common.seed, b->first, b->id, step);
	struct bn_sum bn = {.head = job->bn_head ? NULL : &r->teacher.cal.bn};
	struct pass pass = {.bn = BN_RUNNING};
	pass.on_bn = sre2l_on_bn;
	pass.ctx = &bn;
	Tensor *x = step_view_apply(&view, b->x, type);
	struct teacher_out o = {.F = backbone_features(&r->teacher.backbone, x, &pass)};
	o.p_bb = backbone_logits(&r->teacher.backbone, o.F, &pass);
	Tensor *r_bn = tensor_affine(bn_sum_loss(&bn), job->r_bn, 0), *ce = tensor_cross_entropy(o.p_bb, b->labels, 0);
	*t = (struct terms){.bn = tensor_item(r_bn), .ce = tensor_item(ce), .cal = NAN, .F = NAN, .S = NAN, .view = view};
	if (job->plain)
		return tensor_add(r_bn, ce);

	o.A = cal_attention(&r->teacher.cal, o.F, &pass);
	o.z = bilinear_attention_pooling(o.F, o.A);
	o.p_raw = cal_logits(&r->teacher.cal, o.z);
	r_bn = tensor_affine(bn_sum_loss(&bn), job->r_bn, 0); /* the head's part too, with --bn-head */
	Tensor *other = strcmp(job->other, "full") ? r_bn : tensor_add(r_bn, ce);
	Tensor *cls = loss_cls(o.p_bb, o.p_raw, b->labels, r->alpha);
	Tensor *F = job->no_lf ? NULL : loss_F(o.z, r->prototypes, b->labels, job->beta);
	Tensor *S = similarity(r, b, &view, o.A, step, type);
	t->bn = tensor_item(r_bn);
	t->cal = tensor_item(cls);
	t->F = tensor_item(F);
	t->S = tensor_item(S);
	return loss_total(other, cls, F, S, job->lambda);
}

static void log_step(const struct run *r, const struct block *b, long step, double lr, const struct terms *t)
{
	bool due = r->job->log_every && (step % r->job->log_every == 0 || step == r->job->steps - 1);
	if (!due || !log_wanted())
		return;
	json_t *loss = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "total", json_real_or_null(t->total), "bn",
	    json_real_or_null(t->bn), "ce", json_real_or_null(t->ce), "cls", json_real_or_null(t->cal), "F",
	    json_real_or_null(t->F), "S", json_real_or_null(t->S));
	const struct step_view *v = &t->view;
	json_t *view = json_pack("[i,i,i,i,i,i,i]", v->box.x, v->box.y, v->box.w, v->box.h, v->flip, v->roll_y, v->roll_x);
	log_event(json_pack("{s:s, s:i, s:i, s:i, s:f, s:o, s:o}", "event", "step", "image", b->id, "first_class", b->first, "step",
	    (int)step, "lr", lr, "view", view, "loss", loss));
}

/* Adam on the pixels, then back into the range of pixels. */
static void update(struct run *r, struct block *b, Tensor *grad, long step, double lr)
{
	struct adam_pixels how = {.lr = lr, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-8};
	for (int c = 0; c < 3; c++) {
		how.lo[c] = -r->teacher.normal.mean[c] / r->teacher.normal.std[c];
		how.hi[c] = (1 - r->teacher.normal.mean[c]) / r->teacher.normal.std[c];
	}
	tensor_adam_pixels_(b->x, grad, b->m, b->v, step + 1, &how);
}

static int block_step(struct run *r, struct block *b, long step)
{
	struct terms t;
	double lr = r->job->lr * 0.5 * (1 + cos(M_PI * (double)step / (double)r->job->steps));
	tensor_scope_begin(GRAD);
	Tensor *grad, *loss = block_loss(r, b, step, &t);
	int ok = tensor_grad(loss, &b->x, 1, &grad, false);
	t.total = tensor_item(loss);
	if (!ok)
		update(r, b, grad, step, lr);
	tensor_scope_end();
	if (ok < 0 || tensor_error())
		return fail("distillation failed: %s", tensor_error());
	if (!isfinite(t.total))
		return fail("the loss is no longer finite at step %ld of image %d, classes %d-%d; try a smaller --lr or --r-bn",
		    step, b->id, b->first, b->first + b->n - 1);
	log_step(r, b, step, lr, &t);
	progress_at(++r->steps_done, "image %d  loss %.3f", b->id, t.total);
	return 0;
}

/* --- a block, from real patches to stored images ------------------------------------------------------------------------- */

static int choose_patches(struct run *r, int k)
{
	const struct distill_job *job = r->job;
	if (r->patches[k])
		return 0;
	r->patches[k] = xcalloc(4 * (size_t)job->ipc, sizeof **r->patches);
	return patches_choose(r->patches[k], &r->teacher, &r->real, k, (int)job->ipc, (int)job->crops,
	    difficulty_of(job->difficulty), (uint64_t)common.seed);
}

static int block_start(struct run *r, struct block *b)
{
	int S = r->teacher.size;
	struct batch images;
	batch_init(&images, b->n, S);
	images.n = b->n;
	int ok = 0;
	for (int i = 0; i < b->n && !ok; i++) {
		images.labels[i] = b->first + i;
		ok = choose_patches(r, b->first + i);
		if (!ok)
			patches_mosaic(images.pixels + (size_t)i * 3 * S * S, r->patches[b->first + i], &r->real, (int)r->job->ipc,
			    b->id - 1, S, &r->teacher.normal);
	}
	if (!ok) {
		b->labels = batch_labels(&images, 0, b->n);
		b->x = tensor_clone(batch_images(&images, 0, b->n, T_F32));
		b->m = tensor_full_like(b->x, 0);
		b->v = tensor_full_like(b->x, 0);
		tensor_requires_grad_(b->x, true);
	}
	batch_free(&images);
	bool has_earlier = in_group(r, b->id) && !r->job->plain && !r->job->no_ls;
	if (!ok && has_earlier)
		ok = earlier_complete(&r->earlier, &r->teacher, r->ls_view, b->first, b->n, b->id);
	if (!ok && has_earlier)
		b->earlier = r->ls_view == LS_SAME ? earlier_images(&r->earlier, &r->teacher, b->first, b->n, b->id)
		                                   : earlier_maps(&r->earlier, &r->teacher, r->ls_view, b->first, b->n, b->id);
	return ok < 0 || tensor_error() ? fail("cannot start image %d: %s", b->id, tensor_error() ? tensor_error() : fail_message())
	                                : 0;
}

/* [3][S][S] in [0,1] to the image as it will be stored. */
static struct image to_image(const float *rgb, int S)
{
	struct image im = image_new(S, S);
	for (int c = 0; c < 3; c++)
		for (int i = 0; i < S * S; i++)
			im.rgb[3 * i + c] = (uint8_t)lrintf(255 * fminf(fmaxf(rgb[(size_t)c * S * S + i], 0), 1));
	return im;
}

static int store(struct run *r, int k, int id, const float *rgb, const void *f16)
{
	const struct distill_job *job = r->job;
	int S = r->teacher.size, ok;
	char name[16];
	uint8_t *jpeg = NULL, *npy = NULL;
	size_t jpeg_size = 0, npy_size = 0;
	if (earlier_has(&r->earlier, k, id))
		return 0; /* stored by the run that is resumed */
	struct image im = to_image(rgb, S);
	snprintf(name, sizeof name, "%04d", id);
	ok = jpeg_encode(&im, (int)job->quality, &jpeg, &jpeg_size);
	image_free(&im);
	if (!ok && !strcmp(job->pixels, "f16"))
		npy = npy_f16(f16, 3, (int64_t[]){3, S, S}, &npy_size);
	if (!ok)
		ok = shard_add(r->writer, r->teacher.class_names[k], name, k, jpeg, jpeg_size, npy, npy_size, NULL);
	if (!ok)
		ok = earlier_put(&r->earlier, k, id, jpeg, jpeg_size);
	free(jpeg);
	free(npy);
	return ok;
}

static int block_store(struct run *r, const struct block *b)
{
	int64_t S = r->teacher.size, one = 3 * S * S, shape[] = {1, 3, 1, 1};
	float *rgb = xcalloc((size_t)(b->n * one), sizeof *rgb);
	uint16_t *f16 = xcalloc((size_t)(b->n * one), sizeof *f16);
	tensor_scope_begin(NO_GRAD);
	Tensor *std = tensor_to(tensor_from(r->teacher.normal.std, T_F64, 4, shape), T_F32);
	Tensor *mean = tensor_to(tensor_from(r->teacher.normal.mean, T_F64, 4, shape), T_F32);
	Tensor *pixels = tensor_add(tensor_mul(b->x, std), mean);
	int ok = tensor_read(pixels, T_F32, rgb, b->n * one) < 0 || tensor_read(pixels, T_F16, f16, b->n * one) < 0 ? -1 : 0;
	tensor_scope_end();
	if (ok < 0)
		fail("cannot read the images: %s", tensor_error());
	for (int i = 0; i < b->n && !ok; i++)
		ok = store(r, b->first + i, b->id, rgb + i * one, f16 + i * one);
	free(rgb);
	free(f16);
	return ok;
}

static bool block_is_stored(const struct run *r, int first, int n, int id)
{
	for (int k = first; k < first + n; k++)
		if (!earlier_has(&r->earlier, k, id))
			return false;
	return true;
}

static int make_block(struct run *r, int first, int n, int id)
{
	struct block b = {.first = first, .n = n, .id = id};
	if (block_is_stored(r, first, n, id)) {
		r->steps_done += r->job->steps;
		return 0;
	}
	tensor_scope_begin(NO_GRAD);
	int ok = block_start(r, &b);
	for (long step = 0; step < r->job->steps && !ok; step++)
		ok = block_step(r, &b, step);
	if (!ok)
		ok = block_store(r, &b);
	tensor_scope_end();
	return ok;
}

/* --- all blocks ------------------------------------------------------------------------------------------------------------- */

/* --id I makes the I-th image of every group; without it all are made, in order. */
static bool wanted(const struct run *r, int id)
{
	return !r->job->id || in_group(r, id) == r->job->id - 1;
}

static int make_all(struct run *r)
{
	const struct distill_job *job = r->job;
	int blocks = (r->last - r->first) / (int)job->batch + 1, images = 0;
	for (int id = 1; id <= job->ipc; id++)
		images += wanted(r, id);
	r->steps_all = (long)blocks * images * job->steps;
	progress_start("distill", r->steps_all);
	for (int id = 1; id <= job->ipc; id++) {
		if (!wanted(r, id))
			continue;
		for (int k = r->first; k <= r->last; k += (int)job->batch) {
			int n = r->last - k + 1 < job->batch ? r->last - k + 1 : (int)job->batch;
			if (make_block(r, k, n, id) < 0)
				return -1;
		}
	}
	progress_end();
	return 0;
}

/* --- start -------------------------------------------------------------------------------------------------------------------- */

/* A block's statistics are over all of its classes, so shards of work must be whole blocks. */
static int choose_classes(struct run *r)
{
	const struct distill_job *job = r->job;
	int K = r->teacher.classes;
	if (job->classes.first >= K)
		return fail("--classes starts at %ld, but the teacher knows %d classes (0-%d)", job->classes.first, K, K - 1);
	r->first = (int)job->classes.first;
	r->last = job->classes.last < K ? (int)job->classes.last : K - 1;
	if (r->first % job->batch || ((r->last + 1) % job->batch && r->last != K - 1))
		return fail("--classes %d-%d cuts a batch of %ld classes: BatchNorm statistics are over whole batches, so give "
		            "multiples of --batch",
		    r->first, r->last, job->batch);
	return 0;
}

static int read_prototypes(struct run *r)
{
	struct array a;
	const char *made_with = NULL;
	int got = 0;
	if (!r->job->protos) {
		r->prototypes = r->teacher.cal.prototypes;
		return 0;
	}
	struct stream_reader *s = stream_open(r->job->protos, "protos");
	if (!s)
		return -1;
	json_unpack(stream_meta(s), "{s:{s:s}}", "inputs", "teacher", &made_with);
	int ok = 0;
	if (!made_with || strcmp(made_with, r->teacher.digest))
		ok = fail("'%s' holds prototypes of another teacher (%s) than '%s' (%s)", r->job->protos,
		    made_with ? made_with : "unknown", r->job->teacher, r->teacher.digest);
	while (!ok && (got = stream_next(s, &a)) > 0) {
		if (!strcmp(a.name, "prototypes") && a.rank == 2 && a.dtype == DT_F32 && a.shape[0] == r->teacher.classes &&
		    a.shape[1] == tensor_size(r->teacher.cal.prototypes, 1))
			r->prototypes = tensor_from(a.data, T_F32, a.rank, a.shape);
		array_free(&a);
	}
	if (got < 0)
		ok = -1;
	else if (!ok && !r->prototypes)
		ok = fail("'%s' holds no tensor 'prototypes' of %d classes for this teacher", r->job->protos, r->teacher.classes);
	stream_close(s);
	return ok;
}

static int read_real(struct run *r)
{
	const struct distill_job *job = r->job;
	struct dataset_options o = {.fit = r->teacher.fit,
	    .size = r->teacher.size,
	    .cache = job->cache,
	    .strict = job->strict,
	    .known = (const char *const *)r->teacher.class_names,
	    .n_known = r->teacher.classes,
	    .known_by = "the teacher"};
	return dataset_read(&r->real, job->shards, job->n_shards, &o);
}

static json_t *provenance(const struct run *r)
{
	json_t *p = fd2_provenance();
	json_object_set_new(p, "inputs", json_pack("{s:s, s:s}", "teacher", r->teacher.digest, "real", r->real.digest));
	json_object_set_new(p, "size", json_integer(r->teacher.size));
	json_object_set_new(p, "mean", numbers_to_json(r->teacher.normal.mean, 3));
	json_object_set_new(p, "std", numbers_to_json(r->teacher.normal.std, 3));
	return p;
}

static void seen(void *ctx, const struct sample *s)
{
	struct run *r = ctx;
	const char *slash = strrchr(s->key, '/');
	if (s->cls >= 0 && s->cls < r->teacher.classes && slash)
		earlier_put(&r->earlier, (int)s->cls, atoi(slash + 1), s->image, s->image_size);
}

static int open_output(struct run *r)
{
	const struct distill_job *job = r->job;
	const char *const *names = (const char *const *)r->teacher.class_names;
	if (job->resume && job->out && strcmp(job->out, "-")) {
		r->writer = shard_resume(job->out, provenance(r), names, r->teacher.classes, seen, r);
		return r->writer ? 0 : -1;
	}
	struct out *out = out_open(job->out, job->out && strcmp(job->out, "-") ? OUT_KEEP : 0);
	r->writer = out ? shard_create(out, provenance(r), names, r->teacher.classes) : NULL;
	return r->writer ? 0 : -1;
}

static int prepare(struct run *r)
{
	const struct distill_job *job = r->job;
	if (teacher_read(&r->teacher, job->teacher) < 0)
		return -1;
	params_freeze(&r->teacher.backbone.params, arithmetic());
	r->alpha = job->alpha < 0 ? r->teacher.alpha : job->alpha;
	r->ls_view = ls_view_of(job->ls_view);
	r->patches = xcalloc((size_t)r->teacher.classes, sizeof *r->patches);
	earlier_init(&r->earlier, r->teacher.classes, (int)job->ipc, (int)job->group, job->min_scale);
	if (choose_classes(r) < 0 || read_prototypes(r) < 0)
		return -1;
	if (job->attn && earlier_read_maps(&r->earlier, job->attn, &r->teacher) < 0)
		return -1;
	if (job->previous && earlier_read_images(&r->earlier, job->previous, &r->teacher) < 0)
		return -1;
	if (read_real(r) < 0)
		return -1;
	return open_output(r);
}

int stage_distill(const struct distill_job *job)
{
	struct run r = {.job = job};
	int ok = prepare(&r);
	if (!ok)
		ok = make_all(&r);
	if (!ok)
		ok = shard_finish(r.writer);
	else if (r.writer)
		shard_abandon(r.writer);
	for (int k = 0; r.patches && k < r.teacher.classes; k++)
		free(r.patches[k]);
	free(r.patches);
	earlier_free(&r.earlier);
	dataset_free(&r.real);
	teacher_free(&r.teacher);
	return ok;
}
