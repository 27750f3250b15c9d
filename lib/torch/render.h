/* Rendering on a GPU: images become tensors there instead of on the CPU. tensor_staging makes a
 * buffer, the caller fills it (lib/fd2/batch/staging.h), and tensor_render sends it and renders
 * it. */
#ifndef FD2_TORCH_RENDER_H
#define FD2_TORCH_RENDER_H
#include "lib/image/view.h"
#include "lib/torch/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Memory of the host that a GPU copies from without delay: u8 [bytes], uninitialised. */
Tensor *tensor_staging(int64_t bytes);
/* Where a tensor in the host's memory keeps its bytes; NULL for NULL. */
uint8_t *tensor_bytes(Tensor *t);
/* The n views of a staging buffer, rendered and mixed: f32 [n,3,size,size], channels-last. On the
 * CPU this is an error. */
Tensor *tensor_render(const Tensor *staging, int n, const struct rendering *how);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
