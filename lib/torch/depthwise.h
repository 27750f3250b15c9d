/* Depthwise convolutions of stride 2 and more in bf16 on the CPU: see depthwise.cc. */
#ifndef FD2_DEPTHWISE_H
#define FD2_DEPTHWISE_H
#include <ATen/core/Tensor.h>

bool is_strided_depthwise(const at::Tensor &x, const at::Tensor &w, int64_t stride, int64_t padding, int64_t groups);
/* at::conv2d without bias, differentiable once. */
at::Tensor strided_depthwise(const at::Tensor &x, const at::Tensor &w, int64_t stride, int64_t padding);
#endif
