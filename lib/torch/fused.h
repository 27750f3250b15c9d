/* BatchNorm together with what surrounds it, each in one pass over the activations: the frozen
 * teacher (tensor_frozen_bn, which also gives the statistics that the BN term needs), networks in
 * training (tensor_batch_bn), the stem of a frozen network, and SRe2L's distances between
 * statistics. lib/nn/layers.h chooses between these and torch's own operations. */
#ifndef FD2_TORCH_FUSED_H
#define FD2_TORCH_FUSED_H
#include "lib/torch/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Mean and biased variance over N, H, W of each of `groups` equal parts of x [N,C,H,W], N a
 * multiple of groups: f32 (f64 for f64) [G,C], differentiable. One pass over x whatever its type
 * and layout. */
void tensor_batch_stats(const Tensor *x, int groups, Tensor **mean, Tensor **var);
/* A BatchNorm with running statistics, all f32 [C], and what follows it, in one pass over x
 * [N,C,H,W] (f32 or bf16). Also mean and biased variance [G,C] of each of `groups` equal parts
 * of the batch, as tensor_batch_stats; NULL for both if not needed. Only x and residual get
 * gradients, and only of first order. */
struct bn_params {
	const Tensor *weight, *bias, *mean, *var;
	double eps;
	const Tensor *scale,
	    *shift; /* tensor_frozen_line of those above; NULL: computed in each pass */
};
struct bn_then {
	const Tensor *residual; /* added; NULL: none */
	double top;             /* then clamped to [0, top]; INFINITY: ReLU; 0: not clamped */
	bool pools; /* then a max pool of 3x3, stride 2 and padding 1; not with a residual */
};
/* The BatchNorm as y = x scale + shift, f32 [C]. */
void tensor_frozen_line(const struct bn_params *norm, Tensor **scale, Tensor **shift);
Tensor *tensor_frozen_bn(const Tensor *x, const struct bn_params *norm, const struct bn_then *then,
    int groups, Tensor **mean, Tensor **var);
/* What BatchNorms add to SRe2L's statistics loss, as one operation for all of them, on a GPU only:
 *
 *   sum_l weight_l sum_g (|mean_l[g] - running_mean_l| / s_l + |var_l[g] - running_var_l| / t_l)
 *
 * Euclidean norms over the channels; s and t are 1, or if `normalised` the lengths of the running
 * deviations and variances. mean and var f32 [G,C] as from tensor_frozen_bn get gradients,
 * running_mean and running_var f32 [C] do not. */
struct bn_distance {
	const Tensor *mean, *var, *running_mean, *running_var;
	double weight;
};
Tensor *tensor_bn_distances(const struct bn_distance *layers, int n, bool normalised);
/* tensor_frozen_bn with the statistics of the batch: gradients go to x, weight, bias and
 * residual; norm's mean and var take a share `momentum` of the batch's (0: untouched). */
Tensor *tensor_batch_bn(
    const Tensor *x, const struct bn_params *norm, const struct bn_then *then, double momentum);
/* A convolution of x [N,3,H,W], H and W even, without bias and with stride 2 and kernel 2 *
 * padding + 1. The gradient goes to x alone, by way of `adjoint`, tensor_stem_adjoint of the
 * same weight: much faster than tensor_conv2d's. */
Tensor *tensor_stem(const Tensor *x, const Tensor *w, const Tensor *adjoint, int padding);
Tensor *tensor_stem_adjoint(const Tensor *w, int padding);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
