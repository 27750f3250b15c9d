#include "lib/fd2/labels/labeller.h"

#include "lib/base/err.h"

/* A batch, whole or in two halves. */
struct labelling {
	const struct labeller *by;
	int n, parts;
	const Tensor *x; /* [n,3,S,S] */
	Tensor *logits;  /* f32 [n,K] */
	Tensor *masks[TEACHERS_MAX][2];
};

static int weigh(struct labeller *l, const struct opt_numbers *given)
{
	double sum = 0;
	for (int i = 0; i < l->teachers.n; i++)
		sum += l->weights[i] = given->n ? given->v[i] : 1;
	if (!(sum > 0))
		return fail("all teachers have weight 0");
	for (int i = 0; i < l->teachers.n; i++)
		l->weights[i] /= sum;
	return 0;
}

/* Warns if the teachers' --fit differ: students see held-out images as the first one does. */
static void warn_fits(const struct teachers *t, const struct opt_list *files)
{
	enum fit first = t->v[0].fit;
	for (int i = 1; i < t->n; i++)
		if (t->v[i].fit != first)
			warn("'%s' was trained with --fit %s, and '%s' with %s: held-out images "
			     "will be fitted as for the first teacher",
			    files->v[i], fit_name(t->v[i].fit), files->v[0], fit_name(first));
}

int labeller_init(struct labeller *l, const struct opt_list *teachers,
    const struct opt_numbers *weights, bool batch_bn, uint64_t seed)
{
	*l = (struct labeller){.batch_bn = batch_bn, .seed = seed};
	if (teachers_read(&l->teachers, teachers) < 0)
		return -1;
	warn_fits(&l->teachers, teachers);
	return weigh(l, weights);
}

int labeller_expect(struct labeller *l, int full)
{
	l->full = full;
	l->logits = tensor_full(0, T_F32, 2, (int64_t[]){full, l->teachers.v[0].classes});
	l->replay = replay_new();
	return l->logits && l->replay ? 0 : fail("out of memory");
}

/* Draws dropout masks as in training; evaluation mode drops nothing. */
static void draw_masks(struct labeller *l, struct labelling *of, long epoch, int number)
{
	for (int t = 0; t < l->teachers.n && l->batch_bn; t++)
		for (int half = 0; half < of->parts; half++) {
			struct rng r = rng_at(l->seed, RNG_DROPOUT, (uint64_t)epoch,
			    (uint32_t)number, (uint32_t)(half + 2 * t));
			Tensor *mask = backbone_dropout_mask(
			    &l->teachers.v[t].backbone, half_size(of->n, of->parts, half), &r);
			of->masks[t][half] =
			    of->n == l->full ? tensor_to_static(&l->masks[t][half], mask) : mask;
		}
}

/* Returns the teachers' weighted mean of the logits [m,K] of x, a half of the batch. */
static Tensor *mean_logits(const struct labelling *of, const Tensor *x, int half)
{
	const struct labeller *l = of->by;
	Tensor *sum = NULL;
	for (int t = 0; t < l->teachers.n; t++) {
		const struct backbone *b = &l->teachers.v[t].backbone;
		struct pass pass = {
		    .bn = l->batch_bn ? BN_BATCH : BN_RUNNING, .dropout_mask = of->masks[t][half]};
		tensor_scope_begin(NO_GRAD);
		Tensor *logits = backbone_logits(b, backbone_features(b, x, &pass), &pass);
		logits = tensor_keep(tensor_affine(logits, l->weights[t], 0));
		tensor_scope_end();
		sum = t ? tensor_add(sum, logits) : logits;
	}
	return sum;
}

/* The recorded step: nothing here may wait for the device. */
static int label(void *ctx)
{
	const struct labelling *of = ctx;
	tensor_scope_begin(NO_GRAD);
	for (int half = 0, first = 0; half < of->parts; half++) {
		int n = half_size(of->n, of->parts, half);
		tensor_copy_(tensor_narrow(of->logits, 0, first, n),
		    mean_logits(of, tensor_narrow(of->x, 0, first, n), half));
		first += n;
	}
	tensor_scope_end();
	return tensor_error() ? fail("cannot label: %s", tensor_error()) : 0;
}

Tensor *labeller_logits(struct labeller *l, const struct batch *b, long epoch, int number)
{
	bool full = b->n == l->full;
	int64_t shape[] = {b->n, l->teachers.v[0].classes};
	struct labelling of = {.by = l, .n = b->n, .parts = l->batch_bn && b->n > 1 ? 2 : 1};
	Tensor *x = batch_images(b, 0, b->n, arithmetic());
	of.x = full ? tensor_to_static(&l->x, x) : x;
	of.logits = full ? l->logits : tensor_full(0, T_F32, 2, shape);
	draw_masks(l, &of, epoch, number);
	int err = full ? replay_take(l->replay, label, &of) : label(&of);
	return err ? NULL : of.logits;
}

void labeller_free(struct labeller *l)
{
	tensor_free(l->x);
	tensor_free(l->logits);
	for (int t = 0; t < TEACHERS_MAX; t++)
		for (int half = 0; half < 2; half++)
			tensor_free(l->masks[t][half]);
	replay_free(l->replay);
	teachers_free(&l->teachers);
	*l = (struct labeller){0};
}
