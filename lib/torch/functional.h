/* Layers and losses, named and defined as in torch.nn.functional. Each is one libtorch operation,
 * except that on the CPU some convolutions use the gradients of conv.h. */
#ifndef FD2_TORCH_FUNCTIONAL_H
#define FD2_TORCH_FUNCTIONAL_H
#include "lib/torch/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* x [N,C,H,W], w [O,C/groups,kh,kw]; bias NULL for none. w and bias are converted to x's type. */
Tensor *tensor_conv2d(
    const Tensor *x, const Tensor *w, const Tensor *bias, int stride, int padding, int groups);
/* x [..., I], w [O, I]; bias NULL for none. w and bias are converted to x's type. */
Tensor *tensor_linear(const Tensor *x, const Tensor *w, const Tensor *bias);
Tensor *tensor_max_pool2d(const Tensor *x, int kernel, int stride, int padding);
/* Normalises each of `groups` groups of consecutive channels in each image separately. */
Tensor *tensor_group_norm(
    const Tensor *x, int groups, const Tensor *weight, const Tensor *bias, double eps);
Tensor *tensor_avg_pool2d(const Tensor *x, int kernel, int stride, int padding);
/* Training uses the batch statistics and updates the running ones (unless NULL) in place; otherwise
 * the running ones are used. Parameters stay f32 whatever x's type. */
Tensor *tensor_batch_norm(const Tensor *x, const Tensor *weight, const Tensor *bias,
    Tensor *running_mean, Tensor *running_var, bool training, double momentum, double eps);
/* Resizes bilinearly with half-pixel centres (align_corners false). */
Tensor *tensor_interpolate(const Tensor *x, int64_t h, int64_t w, bool antialias);
/* Adds a border of n zeros around each image of [N,C,H,W]. */
Tensor *tensor_pad(const Tensor *x, int n);
/* Returns the mean over the batch; labels i64 [N]. */
Tensor *tensor_cross_entropy(const Tensor *logits, const Tensor *labels, double label_smoothing);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
