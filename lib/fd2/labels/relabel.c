/* Stage 5: batch-specific soft labels (FKD; fd2-method(7), LABELS) from the backbone branch
 * alone (Eq. 7), of one teacher or several. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/rng.h"
#include "lib/fd2/labels/fkd-order.h"
#include "lib/fd2/labels/job.h"
#include "lib/fd2/labels/labels.h"
#include "lib/fd2/batch/late.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/teachers.h"
#include "lib/torch/replay.h"

struct run {
	const struct relabel_job *job;
	struct teachers teachers;
	double weights[TEACHERS_MAX]; /* of their logits: >= 0, their sum 1 */
	const struct teacher *first;  /* which speaks for all */
	struct dataset images;
	struct batch batch;
	struct epoch drawn, kept;
	long wanted, left; /* batches that are still to be kept, and to be drawn */
	bool batch_bn;
	Tensor *x, *logits, *keep[TEACHERS_MAX][2]; /* of full batches, always the same */
	Replay *replay;                             /* of their labelling */
	struct late late;                           /* the logits of a batch */
	size_t bytes;                               /* of the labels' tensors */
	struct fkd_order *order;                    /* NULL: fd2's own */
};

/* A batch, whole or in two halves. */
struct labelling {
	struct run *r;
	int n, parts;
	const Tensor *x; /* [n,3,S,S] */
	Tensor *logits;  /* f32 [n,K] */
	Tensor *keep[TEACHERS_MAX][2];
};

/* What dropout keeps, as in training; nothing is dropped with --bn eval. */
static void draw_keeps(struct labelling *l, long e, int i, bool again)
{
	struct run *r = l->r;
	for (int t = 0; t < r->teachers.n && r->batch_bn; t++)
		for (int half = 0; half < l->parts; half++) {
			struct rng random = rng_at((uint64_t)common.seed, RNG_DROPOUT, (uint64_t)e,
			    (uint32_t)i, (uint32_t)(half + 2 * t));
			Tensor *keep = backbone_dropout_mask(
			    &r->teachers.v[t].backbone, half_size(l->n, l->parts, half), &random);
			l->keep[t][half] = again ? tensor_to_static(&r->keep[t][half], keep) : keep;
		}
}

/* Each teacher's logits of a half of x, weighted and summed: [m,K]. */
static Tensor *mean_logits(const struct labelling *l, const Tensor *x, int half)
{
	const struct run *r = l->r;
	Tensor *sum = NULL;
	for (int t = 0; t < r->teachers.n; t++) {
		const struct backbone *b = &r->teachers.v[t].backbone;
		struct pass pass = {
		    .bn = r->batch_bn ? BN_BATCH : BN_RUNNING, .dropout_mask = l->keep[t][half]};
		tensor_scope_begin(NO_GRAD);
		Tensor *logits = backbone_logits(b, backbone_features(b, x, &pass), &pass);
		logits = tensor_keep(tensor_affine(logits, r->weights[t], 0));
		tensor_scope_end();
		sum = t ? tensor_add(sum, logits) : logits;
	}
	return sum;
}

/* Nothing here may wait for the device. */
static int label(void *ctx)
{
	const struct labelling *l = ctx;
	tensor_scope_begin(NO_GRAD);
	for (int half = 0, first = 0; half < l->parts; first += half_size(l->n, l->parts, half++)) {
		const Tensor *x = tensor_narrow(l->x, 0, first, half_size(l->n, l->parts, half));
		tensor_copy_(tensor_narrow(l->logits, 0, first, half_size(l->n, l->parts, half)),
		    mean_logits(l, x, half));
	}
	tensor_scope_end();
	return tensor_error() ? fail("cannot label: %s", tensor_error()) : 0;
}

/* The teachers in training mode: batch statistics, dropout, and each batch in two halves, as the
 * student will see it. With --bn eval in evaluation mode, whole. */
static int label_batch(struct run *r, long e, int i)
{
	int n = epoch_render(&r->drawn, i, &r->batch, &r->images, &r->first->normal),
	    K = r->first->classes;
	bool again = n == r->drawn.batch;
	tensor_scope_begin(NO_GRAD);
	struct labelling l = {.r = r, .n = n, .parts = r->batch_bn && n > 1 ? 2 : 1};
	Tensor *x = batch_images(&r->batch, 0, n, arithmetic());
	l.x = again ? tensor_to_static(&r->x, x) : x;
	l.logits = again ? r->logits : tensor_full(0, T_F32, 2, (int64_t[]){n, K});
	draw_keeps(&l, e, i, again);
	int ok = again ? replay_take(r->replay, label, &l) : label(&l);
	if (!ok)
		ok = late_next(&r->late, l.logits, T_F16, (int64_t)n * K, i);
	tensor_scope_end();
	return ok;
}

static int keep_batch(void *ctx, Reading *logits, int i)
{
	struct run *r = ctx;
	if (tensor_read_end(logits,
	        r->drawn.logits + (size_t)r->drawn.starts[i] * (size_t)r->first->classes) < 0)
		return fail("cannot label: %s", tensor_error());
	epoch_append(&r->kept, &r->drawn, i);
	return 0;
}

/* Of all batches that are still to come, each subset of the wanted size is as likely as any
 * other (selection sampling; Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S). */
static bool is_kept(struct run *r, long e, int i)
{
	struct rng random = rng_at((uint64_t)common.seed, RNG_KEEP, (uint64_t)e, (uint32_t)i, 0);
	bool kept = rng_uniform(&random) * (double)r->left < (double)r->wanted;
	r->left--;
	r->wanted -= kept;
	return kept;
}

static int label_epoch(struct run *r, long e)
{
	const struct view_draw how = {r->first->size, r->job->min_scale, (uint64_t)common.seed};
	const int32_t *order = r->order ? fkd_order_next(r->order) : NULL;
	if (r->order && !order)
		return -1;
	epoch_draw(&r->drawn, &r->images, &how, order, e);
	epoch_clear(&r->kept);
	for (int i = 0; i < r->drawn.batches; i++) {
		if (is_kept(r, e, i) && label_batch(r, e, i) < 0)
			return -1;
		progress_note("epoch %ld: batch %d of %d", e + 1, i + 1, r->drawn.batches);
	}
	if (late_end(&r->late) < 0)
		return -1;
	r->bytes += epoch_bytes(&r->kept);
	return 0;
}

static int label_all(struct run *r, struct stream_writer *w)
{
	const struct relabel_job *job = r->job;
	long batches = r->wanted;
	progress_start("relabel", job->epochs);
	for (long e = 0; e < job->epochs; e++) {
		if (label_epoch(r, e) < 0 || epoch_write(&r->kept, w, e) < 0)
			return -1;
		progress_at(e + 1, "epoch %ld", e + 1);
		log_event(json_pack("{s:s, s:i}", "event", "epoch", "epoch", (int)e + 1));
	}
	progress_end();
	chat("%d images of %.0f bytes; labels of %ld batches, %zu bytes", r->images.n,
	    r->images.sizes_sum, batches, r->bytes);
	log_event(json_pack("{s:s, s:I, s:I, s:I}", "event", "labels", "batches",
	    (json_int_t)batches, "image_bytes", (json_int_t)r->images.sizes_sum, "label_bytes",
	    (json_int_t)r->bytes));
	return 0;
}

static json_t *meta(const struct run *r)
{
	const struct teacher *t = r->first;
	json_t *m = fd2_provenance();
	json_t *inputs = json_pack("{s:s}", "images", r->images.digest);
	teachers_describe(&r->teachers, inputs);
	json_object_set_new(m, "inputs", inputs);
	json_object_set_new(m, "weights", numbers_to_json(r->weights, r->teachers.n));
	json_object_set_new(
	    m, "classes", names_to_json((const char *const *)t->class_names, t->classes));
	json_object_set_new(m, "images", json_integer(r->images.n));
	json_object_set_new(m, "batch", json_integer(r->drawn.batch));
	json_object_set_new(m, "epochs", json_integer(r->job->epochs));
	json_object_set_new(m, "batches", json_integer(r->wanted));
	json_object_set_new(m, "size", json_integer(t->size));
	json_object_set_new(m, "fit", json_string(fit_name(t->fit)));
	json_object_set_new(m, "halves", json_boolean(r->batch_bn));
	json_object_set_new(m, "mean", numbers_to_json(t->normal.mean, 3));
	json_object_set_new(m, "std", numbers_to_json(t->normal.std, 3));
	view_options_to_meta(&r->drawn.options, m);
	return m;
}

/* Of --teacher-weights, or all the same. */
static int weigh(struct run *r)
{
	const struct opt_numbers *given = &r->job->weights;
	double sum = 0;
	for (int i = 0; i < r->teachers.n; i++)
		sum += r->weights[i] = given->n ? given->v[i] : 1;
	if (!(sum > 0))
		return fail("all teachers have weight 0");
	for (int i = 0; i < r->teachers.n; i++)
		r->weights[i] /= sum;
	return 0;
}

static int prepare(struct run *r)
{
	const struct relabel_job *job = r->job;
	if (teachers_read(&r->teachers, &job->teachers) < 0 || weigh(r) < 0)
		return -1;
	r->first = &r->teachers.v[0];
	struct dataset_options o = {.fit = FIT_NONE,
	    .strict = true,
	    .known = (const char *const *)r->first->class_names,
	    .n_known = r->first->classes,
	    .known_by = "the teacher"};
	if (dataset_read(&r->images, job->shards, job->n_shards, &o) < 0)
		return -1;
	dataset_warn_missing(&r->images);
	int batch = (int)job->batch ? (int)job->batch : r->first->classes > 10 ? 16 : 10;
	if (batch > r->images.n)
		batch = r->images.n;
	struct view_options views = {job->mix, job->shuffle_patches};
	batch_init(&r->batch, batch, r->first->size);
	epoch_init(&r->drawn, r->images.n, batch, r->first->classes, &views);
	epoch_init(&r->kept, r->images.n, batch, r->first->classes, &views);
	if (job->order == ORDER_FKD &&
	    !(r->order = fkd_order_new(&r->images, (uint64_t)job->fkd_seed)))
		return -1;
	r->batch_bn = job->bn == LABEL_BN_BATCH;
	r->logits = tensor_full(0, T_F32, 2, (int64_t[]){batch, r->first->classes});
	if (!(r->replay = replay_new()))
		die("out of memory");
	r->left = job->epochs * epoch_whole_batches(&r->drawn);
	r->wanted = lround(job->keep * (double)r->left);
	return r->wanted ? 0
	                 : fail("--keep %g of %ld batches is less than one", job->keep, r->left);
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
	struct run r = {.job = job, .late = {keep_batch, &r}};
	int ok = prepare(&r) < 0 ? -1 : write_labels(&r);
	tensor_free(r.x);
	tensor_free(r.logits);
	for (int t = 0; t < TEACHERS_MAX; t++)
		for (int half = 0; half < 2; half++)
			tensor_free(r.keep[t][half]);
	replay_free(r.replay);
	late_free(&r.late);
	fkd_order_free(r.order);
	epoch_free(&r.drawn);
	epoch_free(&r.kept);
	batch_free(&r.batch);
	dataset_free(&r.images);
	teachers_free(&r.teachers);
	return ok;
}

STAGE(stage_relabel)
