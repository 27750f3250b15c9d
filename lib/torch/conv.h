/* Convolutions on the CPU with faster gradients than oneDNN's: see conv.cc. */
#ifndef FD2_CONV_H
#define FD2_CONV_H
#include <ATen/core/Tensor.h>

/* Returns whether conv2d has a faster gradient than oneDNN: that of f32 weights on several threads,
 * or of the input of a bf16 depthwise convolution with stride 2 or more. */
bool has_slow_gradient(
    const at::Tensor &x, const at::Tensor &w, int64_t stride, int64_t padding, int64_t groups);
/* at::conv2d without bias. Converts w to x's type. Differentiable once. */
at::Tensor conv2d(
    const at::Tensor &x, const at::Tensor &w, int64_t stride, int64_t padding, int64_t groups);
#endif
