#include "lib/fd2/match/rounds.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/fd2/expert/train-net.h"

enum { TRAIN_BATCH = 256 };

/* The network of one iteration. */
struct network {
	struct backbone backbone;
	struct optim weights;
	long iteration, round;
};

/* The weights depend only on the seed and the iteration. */
static int network_draw(struct network *net, const struct rounds *r, long iteration)
{
	const struct arch_options o = {
	    .classes = r->real->set.n_classes, .size = r->real->size, .last_stride = 2};
	struct rng random = rng_at(r->seed, RNG_MATCH_NET, (uint64_t)iteration, 0, 0);
	*net = (struct network){.weights = {.kind = OPTIM_SGD}, .iteration = iteration};
	if (backbone_init(&net->backbone, r->arch, &o, rng_u64(&random)) < 0)
		return -1;
	if (r->method->gradients)
		optim_init(&net->weights, &net->backbone.params);
	return 0;
}

static void network_free(struct network *net)
{
	optim_free(&net->weights);
	backbone_free(&net->backbone);
}

static struct rng random_of(
    const struct rounds *r, enum rng_purpose purpose, const struct network *net, int k)
{
	return rng_at(
	    r->seed, purpose, (uint64_t)net->iteration, (uint32_t)k, (uint32_t)net->round);
}

/* Returns the loss of class k and sets the gradient of its images. */
static double match_class(const struct rounds *r, const struct network *net, int k)
{
	struct rng of_real = random_of(r, RNG_MATCH, net, k),
	           of_augment = random_of(r, RNG_SIAMESE, net, k);
	struct siamese augment = siamese_draw(&of_augment, r->augment, r->real->size);
	Tensor *x = learned_of(r->learned, LEARNED_IMAGES, k), *gradient;
	real_choose(r->real, k, r->most, &of_real);
	tensor_scope_begin(GRAD);
	struct class_pass p = {.net = &net->backbone,
	    .weights = &net->weights,
	    .augment = &augment,
	    .real = r->real,
	    .x = siamese_apply(&augment, x),
	    .label = k};
	Tensor *loss = r->method->loss(&p);
	if (!tensor_grad(loss, &x, 1, &gradient, false))
		learned_set_gradient(r->learned, k, gradient);
	double value = tensor_item(loss);
	tensor_scope_end();
	return value;
}

/* Updates all images once. Adds the mean loss over the classes to *loss. */
static int match_all(const struct rounds *r, const struct network *net, double *loss)
{
	const struct learned *l = r->learned;
	double sum = 0;
	for (int k = l->first; k < l->first + l->n && !tensor_error(); k++) {
		sum += match_class(r, net, k);
		progress_note("round %ld of %ld, class %d", net->round + 1, r->method->rounds, k);
	}
	if (tensor_error())
		return fail("iteration %ld failed: %s", net->iteration + 1, tensor_error());
	if (!isfinite(sum))
		return fail("the loss is not finite in iteration %ld; try a smaller --lr",
		    net->iteration + 1);
	*loss += sum / l->n;
	learned_step(r->learned, LEARNED_IMAGES, r->method->lr);
	return 0;
}

static Tensor *images(void *ctx, const uint32_t *numbers, int n)
{
	return learned_some(ctx, LEARNED_IMAGES, numbers, n);
}

static int label(void *ctx, uint32_t number)
{
	return learned_class(ctx, number);
}

static int train_epoch(const struct rounds *r, struct network *net, long epoch)
{
	const struct net_training t = {.of = {r->learned, r->learned->size, images, label},
	    .augment = r->augment,
	    .part = r->real->part.cap,
	    .lr = r->lr_net};
	int n = learned_count(r->learned), err = 0;
	uint32_t *order = xcalloc((size_t)n, sizeof *order);
	struct rng random = rng_at(r->seed, RNG_MATCH_NET, (uint64_t)net->iteration,
	    (uint32_t)net->round, (uint32_t)epoch + 1);
	rng_order(&random, order, (uint32_t)n);
	for (int i = 0; i < n && !err; i += TRAIN_BATCH)
		err = train_net_step(&t, &net->backbone, &net->weights, order + i,
		    n - i < TRAIN_BATCH ? n - i : TRAIN_BATCH, &random, NULL);
	free(order);
	return err;
}

static int train(const struct rounds *r, struct network *net)
{
	int err = 0;
	progress_note(
	    "training the network after round %ld of %ld", net->round + 1, r->method->rounds);
	for (long epoch = 0; epoch < r->method->epochs && !err; epoch++)
		err = train_epoch(r, net, epoch);
	return err;
}

int rounds_take(const struct rounds *r, long iteration, double *loss)
{
	struct network net;
	long rounds = r->method->rounds;
	double sum = 0;
	tensor_scope_begin(NO_GRAD);
	int err = network_draw(&net, r, iteration);
	for (; net.round < rounds && !err; net.round++) {
		err = match_all(r, &net, &sum);
		if (!err && net.round < rounds - 1)
			err = train(r, &net);
	}
	network_free(&net);
	tensor_scope_end();
	*loss = sum / (double)rounds;
	return err;
}
