/* The distance of a batch's BatchNorm statistics from a teacher's running ones, which SRe2L
 * introduced (Yin et al. 2023; fd2-method(7), BASE METHODS). */
#ifndef FD2_BN_LOSS_H
#define FD2_BN_LOSS_H
#include "lib/nn/layers.h"

/* The statistics that a pass reported for its BatchNorms, in the order in which it reached them.
 * Initialise with zeros, set n to 0 before each pass, and free v at the end. */
struct bn_statistics {
	struct bn_seen {
		const struct bn *bn;      /* borrowed */
		const Tensor *mean, *var; /* [G,C], one row per group of the batch; var is biased */
	} * v;
	int n, capacity;
};
/* Adds one BatchNorm; for pass->on_bn, with a struct bn_statistics as pass->ctx. */
void bn_statistics_add(void *statistics, const struct bn *bn, Tensor *mean, Tensor *var);

/* Forms of a layer's distance, with Euclidean norms over the channels:
 *
 *   literal     d = |mean - mu| + |var - sigma^2|
 *   normalised  d = |mean - mu| / |sigma| + |var - sigma^2| / |sigma^2|
 *
 * mu and sigma^2 are the running statistics. loss_bn_layer sums the distances of the groups. A
 * literal distance grows with the scale of the layer's features and with its number of channels; a
 * normalised one has no unit. */
enum bn_form { BN_LITERAL, BN_NORMALISED };
#define BN_FORM_CHOICES "literal|normalised"
Tensor *loss_bn_layer(
    const struct bn *bn, const Tensor *mean, const Tensor *var, enum bn_form form);

/* Either [C], or [G,C] with a row per group. */
struct mean_var {
	const Tensor *mean, *var;
};
/* Returns the distance of `seen` [G,C] from any targets; the normalised form divides by sigma2 [C].
 * reduce combines the groups: tensor_sum or tensor_mean. */
Tensor *statistics_distance(const struct mean_var *seen, const struct mean_var *target,
    const Tensor *sigma2, enum bn_form form,
    Tensor *(*reduce)(const Tensor *t, int n, const int *dims, bool keepdim));

/* Returns m_l: 10 for the first layer, which has index 0, and 1 for the others. */
double layer_weight(int index);
/* Returns sum_l m_l d_l; in the normalised form, BN_NORM times the weighted mean of d_l, which is
 * about as large as the literal sum of a trained ResNet-18. A scalar; 0 for a network without
 * BatchNorms. */
#define BN_NORM 800.0
Tensor *loss_bn(const struct bn_statistics *s, enum bn_form form);

/* The method->loss of methods that match these statistics. Returns r_bn * loss_bn, the term "bn",
 * or layer_term (layer-loss.h) if m->match asks for more; plus flatness_term if m->flatness > 0. */
struct method;
struct step_pass;
struct terms;
Tensor *bn_term(const struct method *m, const struct step_pass *p, struct terms *t);
#endif
