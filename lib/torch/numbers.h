/* Numbers that change from step to step, as the bytes of a tensor on the device: a step that is replayed finds the new ones there.
 */
#ifndef FD2_NUMBERS_H
#define FD2_NUMBERS_H
#include "lib/torch/cuda.h"
#include "lib/torch/handle.h"
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

template <class T> at::Tensor room_for(int n)
{
	return at::empty({n * (int64_t)sizeof(T)}, on_device(T_U8));
}

template <class T> void put(const at::Tensor &t, const T *numbers, int n)
{
	TORCH_CHECK(t.scalar_type() == at::kByte && t.numel() == n * (int64_t)sizeof(T), "these are other numbers");
	for (int i = 0; i < n; i++) {
		T *to = (T *)t.data_ptr() + i;
		if (device_is_cuda())
			cuda_check(cuda_kernels().put(to, numbers + i, sizeof(T), cuda_stream()));
		else
			*to = numbers[i];
	}
}

template <class T> const T *numbers_at(const at::Tensor &t)
{
	return (const T *)t.const_data_ptr();
}
#endif
