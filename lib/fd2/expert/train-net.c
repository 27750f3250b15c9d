#include "lib/fd2/expert/train-net.h"

#include <stdlib.h>

#include "lib/base/err.h"

/* The images of one pass. */
struct part {
	const uint32_t *numbers;
	const struct siamese *augment;
	int n;
	double share; /* fraction of the batch */
};

static int64_t *labels_of(const struct net_images *of, const struct part *p)
{
	int64_t *labels = xcalloc((size_t)p->n, sizeof *labels);
	for (int i = 0; i < p->n; i++)
		labels[i] = of->label(of->ctx, p->numbers[i]);
	return labels;
}

static void add_up(struct net_sums *sums, const Tensor *loss, const Tensor *logits,
    const int64_t *labels, const struct part *p)
{
	sums->loss += tensor_item(loss) * p->n;
	hits_count(&sums->hits, tensor_detach(logits), labels);
}

static int add_gradients(const struct net_training *t, const struct backbone *net,
    struct optim *weights, const struct part *p, struct net_sums *sums)
{
	const struct pass pass = {.bn = BN_TRAIN};
	int64_t *labels = labels_of(&t->of, p), shape = p->n;
	tensor_scope_begin(GRAD);
	Tensor *x = siamese_apply_each(p->augment, t->of.images(t->of.ctx, p->numbers, p->n)),
	       *logits = backbone_logits(net, backbone_features(net, x, &pass), &pass),
	       *loss = tensor_cross_entropy(logits, tensor_from(labels, T_I64, 1, &shape), 0);
	int err = optim_backward(weights, tensor_affine(loss, p->share, 0));
	if (!err && sums)
		add_up(sums, loss, logits, labels, p);
	tensor_scope_end();
	free(labels);
	return err;
}

int train_net_step(const struct net_training *t, const struct backbone *net, struct optim *weights,
    const uint32_t *numbers, int n, struct rng *random, struct net_sums *sums)
{
	struct siamese *augment = xcalloc((size_t)n, sizeof *augment);
	int err = 0;
	siamese_draw_each(augment, n, random, t->augment, t->of.size);
	for (int i = 0; i < n && !err; i += t->part) {
		int m = n - i < t->part ? n - i : t->part;
		err = add_gradients(t, net, weights,
		    &(struct part){numbers + i, augment + i, m, (double)m / n}, sums);
	}
	free(augment);
	if (err)
		return fail("training failed: %s", tensor_error());
	optim_next(weights, t->lr);
	optim_update(weights);
	return 0;
}
