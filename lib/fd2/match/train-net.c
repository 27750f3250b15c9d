#include "lib/fd2/match/train-net.h"

#include <stdlib.h>

#include "lib/base/err.h"

enum { BATCH = 256 };

/* One batch, of images whose numbers are class by class. */
struct step {
	const struct net_training *t;
	const uint32_t *images;
	int n;
	struct siamese augment;
	struct rng random;
};

static Tensor *image(struct step *s, uint32_t number)
{
	const struct learned *l = s->t->learned;
	int k = l->first + (int)number / l->ipc;
	Tensor *x = tensor_narrow(tensor_detach(learned_of(l, k)), 0, (int)number % l->ipc, 1);
	siamese_redraw(&s->augment, &s->random, l->size);
	return siamese_apply(&s->augment, x);
}

/* Adds the gradients of images first .. first+n-1 of the batch. */
static int learn_part(
    struct step *s, const struct backbone *net, struct optim *weights, int first, int n)
{
	const struct learned *l = s->t->learned;
	const struct pass pass = {.bn = BN_TRAIN};
	Tensor **x = xcalloc((size_t)n, sizeof *x);
	int64_t *labels = xcalloc((size_t)n, sizeof *labels), shape = n;
	tensor_scope_begin(GRAD);
	for (int i = 0; i < n; i++) {
		x[i] = image(s, s->images[first + i]);
		labels[i] = l->first + (int)s->images[first + i] / l->ipc;
	}
	Tensor *F = backbone_features(net, tensor_cat(x, n, 0), &pass),
	       *loss = tensor_cross_entropy(
	           backbone_logits(net, F, &pass), tensor_from(labels, T_I64, 1, &shape), 0);
	int err = optim_backward(weights, tensor_affine(loss, (double)n / s->n, 0));
	tensor_scope_end();
	free(x);
	free(labels);
	return err;
}

static int take_step(struct step *s, const struct backbone *net, struct optim *weights)
{
	int err = 0, part = s->t->part;
	for (int i = 0; i < s->n && !err; i += part)
		err = learn_part(s, net, weights, i, s->n - i < part ? s->n - i : part);
	if (err)
		return fail("training between rounds failed: %s", tensor_error());
	optim_next(weights, s->t->lr);
	optim_update(weights);
	return 0;
}

static int train_epoch(
    const struct net_training *t, const struct backbone *net, struct optim *weights, long epoch)
{
	int n = t->learned->n * t->learned->ipc, err = 0;
	uint32_t *order = xcalloc((size_t)n, sizeof *order);
	struct step s = {.t = t,
	    .random = rng_at(t->seed, RNG_MATCH_NET, (uint64_t)t->iteration, (uint32_t)t->round,
	        (uint32_t)epoch + 1)};
	for (int i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	rng_shuffle(&s.random, order, (uint32_t)n);
	for (int i = 0; i < n && !err; i += BATCH) {
		s.images = order + i;
		s.n = n - i < BATCH ? n - i : BATCH;
		s.augment = siamese_draw(&s.random, t->augment, t->learned->size);
		err = take_step(&s, net, weights);
	}
	free(order);
	return err;
}

int train_net(const struct net_training *t, const struct backbone *net, struct optim *weights)
{
	int err = 0;
	for (long epoch = 0; epoch < t->epochs && !err; epoch++)
		err = train_epoch(t, net, weights, epoch);
	return err;
}
