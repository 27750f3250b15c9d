#include "lib/fd2/match/rounds.h"

#include <math.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"

/* Weights are a function of the seed and the iteration. */
static int draw_network(const struct rounds *r, struct backbone *net, long iteration)
{
	const struct arch_options o = {
	    .classes = r->real->set.n_classes, .size = r->real->size, .last_stride = 2};
	struct rng random = rng_at(r->seed, RNG_MATCH_NET, (uint64_t)iteration, 0, 0);
	uint64_t high = rng_u32(&random), low = rng_u32(&random);
	return backbone_init(net, r->arch, &o, high << 32 | low);
}

/* The loss of class k, whose images get its gradient. */
static double match_class(
    const struct rounds *r, const struct backbone *net, long iteration, long round, int k)
{
	struct rng of_real = rng_at(
	               r->seed, RNG_MATCH, (uint64_t)iteration, (uint32_t)k, (uint32_t)round),
	           of_views = rng_at(
	               r->seed, RNG_SIAMESE, (uint64_t)iteration, (uint32_t)k, (uint32_t)round);
	struct siamese augment = siamese_draw(&of_views, r->augment, r->real->size);
	Tensor *x = learned_of(r->learned, k), *gradient;
	real_choose(r->real, k, r->most, &of_real);
	tensor_scope_begin(GRAD);
	struct class_pass p = {.net = net,
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

static int match_all(
    const struct rounds *r, const struct backbone *net, long iteration, long round, double *loss)
{
	const struct learned *l = r->learned;
	double sum = 0;
	for (int k = l->first; k < l->first + l->n && !tensor_error(); k++) {
		sum += match_class(r, net, iteration, round, k);
		progress_note("class %d", k);
	}
	if (tensor_error())
		return fail("iteration %ld failed: %s", iteration + 1, tensor_error());
	if (!isfinite(sum))
		return fail(
		    "the loss is not finite in iteration %ld; try a smaller --lr", iteration + 1);
	*loss += sum / l->n;
	learned_step(r->learned, r->method->lr);
	return 0;
}

int rounds_take(const struct rounds *r, long iteration, double *loss)
{
	struct backbone net;
	double sum = 0;
	tensor_scope_begin(NO_GRAD);
	int err = draw_network(r, &net, iteration);
	if (!err)
		err = match_all(r, &net, iteration, 0, &sum);
	backbone_free(&net);
	tensor_scope_end();
	*loss = sum;
	return err;
}
