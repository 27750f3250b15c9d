/* An expert's initial network and its training steps. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/expert/expert-run.h"

static Tensor *render(void *ctx, const uint32_t *numbers, int n)
{
	struct expert_run *r = ctx;
	return photographs_images(&r->batch, &r->photographs, numbers, n, &r->config->in.normal);
}

static int label(void *ctx, uint32_t number)
{
	const struct expert_run *r = ctx;
	return r->photographs.v[number].label;
}

long expert_steps(const struct expert_run *r)
{
	return (r->photographs.n + r->config->batch - 1) / r->config->batch;
}

double expert_rate(const struct expert_run *r)
{
	bool late = r->config->decay && 2 * r->epoch >= r->config->epochs;
	return r->config->lr * (late ? 0.1 : 1);
}

static struct rng random_at(const struct expert_run *r, long step)
{
	return rng_at(
	    r->config->seed, RNG_EXPERT, (uint64_t)r->expert, (uint32_t)r->epoch, (uint32_t)step);
}

void expert_order(struct expert_run *r)
{
	struct rng random = random_at(r, 0);
	rng_order(&random, r->order, (uint32_t)r->photographs.n);
}

int expert_step(struct expert_run *r)
{
	const struct expert_config *config = r->config;
	const struct net_training t = {.of = {r, (int)config->in.size, render, label},
	    .augment = config->augment,
	    .part = (int)config->part,
	    .lr = expert_rate(r)};
	long first = r->step * config->batch, left = r->photographs.n - first;
	struct rng random = random_at(r, ++r->step);
	tensor_scope_begin(NO_GRAD);
	int err = train_net_step(&t, &r->net, &r->optim, r->order + first,
	    (int)(left < config->batch ? left : config->batch), &random, &r->sums);
	tensor_scope_end();
	if (!err && !isfinite(r->sums.loss))
		return fail("the loss of expert %ld is not finite in epoch %ld; try a smaller --lr",
		    r->expert, r->epoch + 1);
	return err;
}

int expert_network(struct expert_run *r)
{
	const struct expert_config *config = r->config;
	const struct arch_options o = {
	    .classes = r->photographs.n_classes, .size = (int)config->in.size, .last_stride = 2};
	struct rng random = rng_at(config->seed, RNG_MATCH_NET, (uint64_t)r->expert, 0, 0);
	optim_free(&r->optim);
	backbone_free(&r->net);
	if (backbone_init(&r->net, r->arch, &o, rng_u64(&random)) < 0)
		return -1;
	r->optim = (struct optim){.kind = OPTIM_SGD,
	    .momentum = config->momentum,
	    .weight_decay = config->weight_decay,
	    .decay_all = true};
	optim_init(&r->optim, &r->net.params);
	r->trained = (struct trained){.params = &r->net.params, .optim = &r->optim};
	return 0;
}
