/* BatchNorm fused with what surrounds it, for few passes over the activations: in the frozen
 * teacher (tensor_frozen_bn, which also returns the statistics that the BN term needs) and in
 * networks in training (tensor_batch_bn). Also the stem of a frozen network and SRe2L's distances
 * between statistics. lib/nn/layers.h chooses between these and torch's own operations. */
#ifndef FD2_TORCH_FUSED_H
#define FD2_TORCH_FUSED_H
#include "lib/torch/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Computes the mean and biased variance over N, H, W of each of `groups` equal parts of x
 * [N,C,H,W]: [G,C] f32, or f64 if x is; differentiable. N must be a multiple of groups. One pass
 * over x for every type and layout. */
void tensor_batch_stats(const Tensor *x, int groups, Tensor **mean, Tensor **var);
/* tensor_frozen_bn applies a BatchNorm with running statistics, all f32 [C], and what follows it,
 * in one pass over x [N,C,H,W] (f32 or bf16). It also returns the mean and biased variance [G,C] of
 * each of `groups` equal parts of the batch, like tensor_batch_stats; pass NULL for both if not
 * needed. Only x and residual get gradients, of first order only. */
struct bn_params {
	const Tensor *weight, *bias, *mean, *var;
	double eps;
	const Tensor *scale, *shift; /* from tensor_frozen_line; NULL: computed in each pass */
};
struct bn_then {
	const Tensor *residual; /* added; NULL: none */
	double top;             /* then clamped to [0, top]; INFINITY: ReLU; 0: not clamped */
	bool pools;             /* then a 3x3 max pool, stride 2, padding 1; excludes residual */
};
/* Computes scale and shift, f32 [C], that make the BatchNorm y = x scale + shift. */
void tensor_frozen_line(const struct bn_params *norm, Tensor **scale, Tensor **shift);
Tensor *tensor_frozen_bn(const Tensor *x, const struct bn_params *norm, const struct bn_then *then,
    int groups, Tensor **mean, Tensor **var);
/* Computes the terms of all BatchNorms in SRe2L's statistics loss as one operation, on a GPU only:
 *
 *   sum_l weight_l sum_g (|mean_l[g] - running_mean_l| / s_l + |var_l[g] - running_var_l| / t_l)
 *
 * Euclidean norms over the channels; s and t are 1, or if `normalised` the norms of the running
 * deviations and variances. mean and var, f32 [G,C] as from tensor_frozen_bn, get gradients;
 * running_mean and running_var, f32 [C], do not. */
struct bn_distance {
	const Tensor *mean, *var, *running_mean, *running_var;
	double weight;
};
Tensor *tensor_bn_distances(const struct bn_distance *layers, int n, bool normalised);
/* Like tensor_frozen_bn, but with the statistics of the batch. x, weight, bias and residual get
 * gradients. norm's mean and var move towards the batch's by `momentum` (0: unchanged). */
Tensor *tensor_batch_bn(
    const Tensor *x, const struct bn_params *norm, const struct bn_then *then, double momentum);
/* A convolution of x [N,3,H,W], H and W even, without bias, with stride 2 and kernel 2 * padding +
 * 1. Only x gets a gradient. On the CPU that uses `adjoint`, the tensor_stem_adjoint of w, and is
 * much faster than tensor_conv2d's. */
Tensor *tensor_stem(const Tensor *x, const Tensor *w, const Tensor *adjoint, int padding);
Tensor *tensor_stem_adjoint(const Tensor *w, int padding);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
