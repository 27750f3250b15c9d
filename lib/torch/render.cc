/* Renders batches of images on a GPU: copies the staging buffer once, then runs lib/cuda's
 * kernels. */
#include "lib/torch/cuda.h"
#include "lib/torch/handle.h"
#include "lib/torch/render.h"
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>

Tensor *tensor_staging(int64_t bytes)
{
	return make("staging", {}, [&] {
		return at::empty({bytes},
		    at::TensorOptions(at::kByte).pinned_memory(on_device(T_U8).device().is_cuda()));
	});
}

uint8_t *tensor_bytes(Tensor *t)
{
	return t ? t->value.data_ptr<uint8_t>() : nullptr;
}

/* The caller may free the staging buffer early: libtorch does not reuse pinned memory before the
 * copy is done. */
Tensor *tensor_render(const Tensor *staging, int n, const struct rendering *how)
{
	return make("render", {staging}, [&] {
		TORCH_CHECK(device_is_cuda(), "the CPU renders images before they become tensors");
		const at::Tensor sent = staging->value.to(on_device(T_U8), /* non_blocking */ true);
		const at::Tensor out = at::empty({n, how->size, how->size, 3}, on_device(T_F32)),
		                 workspace = at::empty_like(out);
		cuda_check(cuda_kernels().render(sent.const_data_ptr(), n, how,
		    workspace.data_ptr<float>(), out.data_ptr<float>(), cuda_stream()));
		return out.permute({0, 3, 1, 2});
	});
}
