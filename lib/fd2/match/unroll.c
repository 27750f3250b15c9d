#include "lib/fd2/match/unroll.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/fd2/teacher/losses.h"

/* A step's batch, or a part of one. */
struct minibatch {
	uint32_t *images;
	struct siamese *augment;
	int n;
	double share; /* fraction of the batch */
};

/* Batches pass through all images in a random order, then in another, and so on. */
static struct minibatch draw_minibatch(const struct unroll *u, int step)
{
	int all = learned_count(u->learned), batches = (all + u->batch - 1) / u->batch,
	    first = step % batches * u->batch;
	struct minibatch b = {.n = all - first < u->batch ? all - first : u->batch, .share = 1};
	struct rng of_order = rng_at(
	               u->seed, RNG_STUDENT, (uint64_t)u->iteration, 1, (uint32_t)(step / batches)),
	           of_augment =
	               rng_at(u->seed, RNG_STUDENT, (uint64_t)u->iteration, 2, (uint32_t)step);
	uint32_t *order = xcalloc((size_t)all, sizeof *order);
	rng_order(&of_order, order, (uint32_t)all);
	b.images = xcalloc((size_t)b.n, sizeof *b.images);
	memcpy(b.images, order + first, (size_t)b.n * sizeof *order);
	free(order);
	b.augment = xcalloc((size_t)b.n, sizeof *b.augment);
	siamese_draw_each(b.augment, b.n, &of_augment, u->augment, u->learned->size);
	return b;
}

static void free_minibatch(struct minibatch *b)
{
	free(b->images);
	free(b->augment);
}

static struct minibatch part_of(const struct minibatch *b, int first, int most)
{
	int n = b->n - first < most ? b->n - first : most;
	return (struct minibatch){b->images + first, b->augment + first, n, (double)n / b->n};
}

/* Call in a GRAD scope. */
static Tensor *loss_of(
    const struct unroll *u, const struct minibatch *b, const Tensor *x, const Tensor *y)
{
	const struct pass pass = {.bn = BN_BATCH};
	const Tensor *F = backbone_features(u->net, siamese_apply_each(b->augment, x), &pass);
	Tensor *loss = loss_soft(backbone_logits(u->net, F, &pass), tensor_softmax(y, 1));
	return tensor_affine(loss, b->share, 0);
}

static Tensor *leaf(const struct unroll *u, enum learned_kind kind, const struct minibatch *b)
{
	Tensor *t = learned_some(u->learned, kind, b->images, b->n);
	tensor_requires_grad_(t, true);
	return t;
}

/* Adds the gradient of part b to sum. */
static void add_gradient(const struct unroll *u, const struct minibatch *b, Tensor **sum)
{
	const struct optim *w = u->weights;
	Tensor **g = xcalloc((size_t)w->n, sizeof *g);
	tensor_scope_begin(GRAD);
	const Tensor *x = learned_some(u->learned, LEARNED_IMAGES, b->images, b->n),
	             *y = learned_some(u->learned, LEARNED_LABELS, b->images, b->n);
	if (!tensor_grad(loss_of(u, b, x, y), w->param, w->n, g, false))
		for (int i = 0; i < w->n; i++)
			tensor_add_(sum[i], g[i], 1);
	tensor_scope_end();
	free(g);
}

static void step_forward(const struct unroll *u, int step, double eta)
{
	const struct optim *w = u->weights;
	struct minibatch b = draw_minibatch(u, step);
	Tensor **theta = u->theta + (size_t)step * w->n, **g = xcalloc((size_t)w->n, sizeof *g);
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < w->n; i++) {
		theta[i] = tensor_keep_always(tensor_clone(w->param[i]));
		g[i] = tensor_full_like(w->param[i], 0);
	}
	for (int i = 0; i < b.n; i += u->part) {
		struct minibatch part = part_of(&b, i, u->part);
		add_gradient(u, &part, g);
	}
	for (int i = 0; i < w->n; i++)
		tensor_add_(w->param[i], g[i], -eta);
	tensor_scope_end();
	free(g);
	free_minibatch(&b);
}

int unroll_forward(struct unroll *u)
{
	double eta = learned_step_size(u->learned);
	u->theta = xcalloc((size_t)u->steps * u->weights->n, sizeof *u->theta);
	for (int s = 0; s < u->steps && !tensor_error(); s++) {
		step_forward(u, s, eta);
		progress_note("step %d of %d", s + 1, u->steps);
	}
	return tensor_error() ? fail("training a student failed: %s", tensor_error()) : 0;
}

/* lambda . g */
static Tensor *along(Tensor *const *lambda, Tensor *const *g, int n)
{
	Tensor *q = NULL;
	for (int i = 0; i < n; i++) {
		Tensor *part = tensor_sum(tensor_mul(lambda[i], g[i]), 0, NULL, false);
		q = q ? tensor_add(q, part) : part;
	}
	return q;
}

/* Adds -eta dq/dtheta of part b to `next`, and b's terms to the gradients of the learned kinds. */
static void add_second_order(const struct unroll *u, const struct minibatch *b, double eta,
    Tensor *const *lambda, Tensor **next)
{
	const struct optim *w = u->weights;
	int n = w->n;
	Tensor **g = xcalloc(3 * (size_t)n + 4, sizeof *g), **from = g + n, **d = from + n + 2;
	tensor_scope_begin(GRAD);
	memcpy(from, w->param, (size_t)n * sizeof *from);
	from[n] = leaf(u, LEARNED_IMAGES, b);
	from[n + 1] = leaf(u, LEARNED_LABELS, b);
	Tensor *q = NULL;
	if (!tensor_grad(loss_of(u, b, from[n], from[n + 1]), w->param, n, g, true))
		q = along(lambda, g, n);
	if (q && !tensor_grad(q, from, n + 2, d, false)) {
		for (int i = 0; i < n; i++)
			tensor_add_(next[i], d[i], -eta);
		learned_add_gradient(u->learned, LEARNED_IMAGES, b->images, b->n, d[n], -eta);
		learned_add_gradient(u->learned, LEARNED_LABELS, b->images, b->n, d[n + 1], -eta);
		learned_add_to_step_gradient(u->learned, -tensor_item(q));
	}
	tensor_scope_end();
	free(g);
}

static void step_backward(const struct unroll *u, int step, double eta, Tensor **lambda)
{
	const struct optim *w = u->weights;
	struct minibatch b = draw_minibatch(u, step);
	Tensor **next = xcalloc((size_t)w->n, sizeof *next);
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < w->n; i++) {
		tensor_copy_(w->param[i], u->theta[(size_t)step * w->n + i]);
		next[i] = tensor_clone(lambda[i]);
	}
	for (int i = 0; i < b.n; i += u->part) {
		struct minibatch part = part_of(&b, i, u->part);
		add_second_order(u, &part, eta, lambda, next);
	}
	for (int i = 0; i < w->n; i++)
		tensor_copy_(lambda[i], next[i]);
	tensor_scope_end();
	free(next);
	free_minibatch(&b);
}

int unroll_backward(struct unroll *u, Tensor **lambda)
{
	double eta = learned_step_size(u->learned);
	for (int s = u->steps - 1; s >= 0 && !tensor_error(); s--) {
		step_backward(u, s, eta, lambda);
		progress_note("step %d of %d, backwards", u->steps - s, u->steps);
	}
	return tensor_error() ? fail("the student's gradient failed: %s", tensor_error()) : 0;
}

void unroll_free(struct unroll *u)
{
	for (int i = 0; u->theta && i < u->steps * u->weights->n; i++)
		tensor_free(u->theta[i]);
	free(u->theta);
	u->theta = NULL;
}
