/* Convolutions on the CPU whose gradients are better than oneDNN's: see conv.cc. */
#ifndef FD2_CONV_H
#define FD2_CONV_H
#include <ATen/core/Tensor.h>

/* Of f32 weights on several threads, and of the input of a depthwise convolution of stride 2 and
 * more in bf16. */
bool has_slow_gradient(
    const at::Tensor &x, const at::Tensor &w, int64_t stride, int64_t padding, int64_t groups);
/* at::conv2d without bias, w converted to x's type; differentiable once. */
at::Tensor conv2d(
    const at::Tensor &x, const at::Tensor &w, int64_t stride, int64_t padding, int64_t groups);
#endif
