/* Stage 5: batch-specific soft labels (FKD; fd2-method(7), LABELS). */
#include "lib/fd2/labels/relabel.h"

#include <math.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/base/rng.h"
#include "lib/fd2/batch/late.h"
#include "lib/fd2/labels/fkd-order.h"
#include "lib/fd2/labels/labeller.h"
#include "lib/fd2/labels/labels.h"
#include "lib/fd2/stage.h"

/* Of the batches of all epochs: how many are still to be drawn, and to be labelled. */
struct sampling {
	long left, wanted;
};

struct run {
	const struct relabel_config *config;
	struct labeller labeller;
	const struct teacher *teacher; /* the first: its classes, size, mean and std are all's */
	struct dataset images;
	struct fkd_order *order; /* NULL: fd2's own */
	struct batch batch;
	struct epoch drawn, labelled; /* all of the epoch's batches, and those with labels */
	struct sampling sampling;
	struct late late; /* the logits of a batch */
	size_t bytes;     /* of the labels' tensors */
};

static int take_logits(void *ctx, Reading *logits, int i)
{
	struct run *r = ctx;
	size_t row = (size_t)r->drawn.starts[i] * (size_t)r->drawn.classes;
	if (tensor_read_end(logits, r->drawn.logits + row) < 0)
		return fail("cannot label: %s", tensor_error());
	for (int k = r->drawn.starts[i] * r->drawn.classes;
	     k < r->drawn.starts[i + 1] * r->drawn.classes; k++)
		if ((r->drawn.logits[k] & 0x7c00) == 0x7c00)
			return fail("the logits of batch %d are not finite in f16", i + 1);
	epoch_append(&r->labelled, &r->drawn, i);
	return 0;
}

static int label_batch(struct run *r, long e, int i)
{
	int n = epoch_render(&r->drawn, i, &r->batch, &r->images, &r->teacher->normal), err = -1;
	tensor_scope_begin(NO_GRAD);
	const Tensor *logits = labeller_logits(&r->labeller, &r->batch, e, i);
	if (logits)
		err = late_next(&r->late, logits, T_F16, (int64_t)n * r->drawn.classes, i);
	tensor_scope_end();
	return err;
}

/* Every subset of the wanted size is equally likely (selection sampling; Knuth, The Art of
 * Computer Programming 2, algorithm 3.4.2 S). */
static bool is_chosen(struct sampling *s, uint64_t seed, long e, int i)
{
	struct rng random = rng_at(seed, RNG_KEEP, (uint64_t)e, (uint32_t)i, 0);
	bool chosen = rng_uniform(&random) * (double)s->left < (double)s->wanted;
	s->left--;
	s->wanted -= chosen;
	return chosen;
}

static int draw_epoch(struct run *r, long e)
{
	const struct relabel_config *c = r->config;
	const struct view_draw how = {r->teacher->size, c->min_scale, c->seed};
	const int32_t *order = r->order ? fkd_order_next(r->order) : NULL;
	if (r->order && !order)
		return -1;
	epoch_draw(&r->drawn, &r->images, &how, order, e);
	return 0;
}

static int label_epoch(struct run *r, long e)
{
	if (draw_epoch(r, e) < 0)
		return -1;
	epoch_clear(&r->labelled);
	for (int i = 0; i < r->drawn.batches; i++) {
		if (is_chosen(&r->sampling, r->config->seed, e, i) && label_batch(r, e, i) < 0)
			return -1;
		progress_note("epoch %ld: batch %d of %d", e + 1, i + 1, r->drawn.batches);
	}
	if (late_end(&r->late) < 0)
		return -1;
	r->bytes += epoch_bytes(&r->labelled);
	return 0;
}

static int label_all(struct run *r, struct stream_writer *w)
{
	long epochs = r->config->epochs, batches = r->sampling.wanted;
	progress_start("relabel", "epochs", epochs);
	for (long e = 0; e < epochs; e++) {
		if (label_epoch(r, e) < 0 || epoch_write(&r->labelled, w, e) < 0)
			return -1;
		progress_at(e + 1, "epoch %ld", e + 1);
		log_event(json_pack("{s:s, s:i}", "event", "epoch", "epoch", (int)e + 1));
	}
	progress_end();
	chat("%d images (%.0f bytes in all), %ld batches of labels (%zu bytes)", r->images.n,
	    r->images.sizes_sum, batches, r->bytes);
	log_event(json_pack("{s:s, s:I, s:I, s:I}", "event", "labels", "batches",
	    (json_int_t)batches, "image_bytes", (json_int_t)r->images.sizes_sum, "label_bytes",
	    (json_int_t)r->bytes));
	return 0;
}

static json_t *meta(const struct run *r)
{
	const struct teacher *t = r->teacher;
	const struct labeller *l = &r->labeller;
	json_t *m = fd2_provenance();
	json_t *inputs = json_pack("{s:s}", "images", r->images.digest);
	teachers_describe(&l->teachers, inputs);
	json_object_set_new(m, "inputs", inputs);
	json_object_set_new(m, "weights", numbers_to_json(l->weights, l->teachers.n));
	json_object_set_new(
	    m, "classes", names_to_json((const char *const *)t->class_names, t->classes));
	json_object_set_new(m, "images", json_integer(r->images.n));
	json_object_set_new(m, "batch", json_integer(r->drawn.batch));
	json_object_set_new(m, "epochs", json_integer(r->config->epochs));
	json_object_set_new(m, "batches", json_integer(r->sampling.wanted));
	json_object_set_new(m, "size", json_integer(t->size));
	json_object_set_new(m, "fit", json_string(fit_name(t->fit)));
	json_object_set_new(m, "halves", json_boolean(l->batch_bn));
	json_object_set_new(m, "mean", numbers_to_json(t->normal.mean, 3));
	json_object_set_new(m, "std", numbers_to_json(t->normal.std, 3));
	view_options_to_meta(&r->drawn.options, m);
	return m;
}

static int read_images(struct run *r)
{
	struct dataset_options o = {.fit = FIT_NONE,
	    .complete = true,
	    .known = (const char *const *)r->teacher->class_names,
	    .n_known = r->teacher->classes,
	    .known_by = "the teacher"};
	return dataset_read(&r->images, r->config->shards, r->config->n_shards, &o);
}

static int batch_size(const struct run *r)
{
	int batch = (int)r->config->batch      ? (int)r->config->batch
	            : r->teacher->classes > 10 ? 16
	                                       : 10;
	return batch < r->images.n ? batch : r->images.n;
}

static int choose_batches(struct run *r)
{
	const struct relabel_config *c = r->config;
	long all = c->epochs * epoch_whole_batches(&r->drawn);
	r->sampling = (struct sampling){all, lround(c->fraction * (double)all)};
	return r->sampling.wanted
	           ? 0
	           : fail("--label-fraction %g of %ld batches is less than one", c->fraction, all);
}

static int prepare(struct run *r)
{
	const struct relabel_config *c = r->config;
	if (labeller_init(
	        &r->labeller, &c->teachers, &c->weights, c->bn == LABEL_BN_BATCH, c->seed) < 0)
		return -1;
	r->teacher = &r->labeller.teachers.v[0];
	if (read_images(r) < 0)
		return -1;
	int batch = batch_size(r);
	struct view_options options = {c->mix, c->shuffle_patches};
	batch_init(&r->batch, batch, r->teacher->size);
	epoch_init(&r->drawn, r->images.n, batch, r->teacher->classes, &options);
	epoch_init(&r->labelled, r->images.n, batch, r->teacher->classes, &options);
	if (c->order == ORDER_FKD && !(r->order = fkd_order_new(&r->images, (uint64_t)c->fkd_seed)))
		return -1;
	dataset_warn_missing(&r->images);
	fd2_resolved("batch", json_integer(batch));
	return labeller_expect(&r->labeller, batch) < 0 ? -1 : choose_batches(r);
}

static int write_labels(struct run *r)
{
	struct out *out = out_open(r->config->out, 0);
	struct stream_writer *w = out ? stream_create(out, "labels", meta(r)) : NULL;
	if (!w)
		return -1;
	if (stream_flush(w) == 0 && label_all(r, w) == 0)
		return stream_finish(w);
	stream_abandon(w);
	return -1;
}

int stage_relabel(const struct relabel_config *config)
{
	struct run r = {.config = config, .late = {take_logits, &r}};
	int err = prepare(&r) < 0 ? -1 : write_labels(&r);
	late_free(&r.late);
	fkd_order_free(r.order);
	epoch_free(&r.drawn);
	epoch_free(&r.labelled);
	batch_free(&r.batch);
	dataset_free(&r.images);
	labeller_free(&r.labeller);
	return err;
}

STAGE(stage_relabel)
