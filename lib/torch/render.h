/* Renders images on a GPU instead of the CPU. tensor_staging makes a buffer, the caller fills it
 * (lib/fd2/batch/staging.h), and tensor_render copies it to the GPU and renders it. */
#ifndef FD2_TORCH_RENDER_H
#define FD2_TORCH_RENDER_H
#include "lib/image/view.h"
#include "lib/torch/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Returns uninitialised host memory, u8 [bytes], pinned if there is a GPU to copy it. */
Tensor *tensor_staging(int64_t bytes);
/* Returns the bytes of a u8 tensor in host memory; NULL for NULL. */
uint8_t *tensor_bytes(Tensor *t);
/* Renders and mixes the n views of a staging buffer: f32 [n,3,size,size], channels-last. An error
 * on the CPU. */
Tensor *tensor_render(const Tensor *staging, int n, const struct rendering *how);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
