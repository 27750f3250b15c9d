/* Numbers that change from step to step, stored as the bytes of a tensor on the device, where a
 * replayed step reads the new ones. */
#ifndef FD2_NUMBERS_H
#define FD2_NUMBERS_H
#include "lib/torch/cuda.h"
#include "lib/torch/handle.h"
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <algorithm>
#include <cstring>

template <class T> at::Tensor bytes_for(int n)
{
	return at::empty({n * (int64_t)sizeof(T)}, on_device(T_U8));
}

template <class T> void put(const at::Tensor &t, const T *numbers, int n)
{
	TORCH_CHECK(t.scalar_type() == at::kByte && t.numel() == n * (int64_t)sizeof(T),
	    "these are other numbers");
	const char *from = (const char *)numbers;
	char *to = (char *)t.data_ptr();
	for (size_t at = 0, end = n * sizeof(T); at < end; at += PUT_MAX) {
		const size_t bytes = std::min(end - at, (size_t)PUT_MAX);
		if (device_is_cuda())
			cuda_check(cuda_kernels().put(to + at, from + at, bytes, cuda_stream()));
		else
			memcpy(to + at, from + at, bytes);
	}
}

template <class T> const T *numbers_at(const at::Tensor &t)
{
	return (const T *)t.const_data_ptr();
}
#endif
