/* In the place of libtorch's header of this name: what lib/cuda/graphs.cc uses of it. */
#ifndef FD2_EMULATED_HOST_ALLOCATOR_H
#define FD2_EMULATED_HOST_ALLOCATOR_H
#include "test/cuda/emulated/memory.h"
#include <c10/core/DeviceType.h>
#include <c10/core/Stream.h>
#include <functional>

namespace at
{

using c10::kCUDA;

struct HostAllocator {
	void begin_allocate_to_pool(c10::MempoolId_t pool, const std::function<bool(c10::Stream)> &)
	{
		emulated::of_host.begin(pool);
	}
	void end_allocate_to_pool(c10::MempoolId_t pool)
	{
		emulated::of_host.end(pool);
	}
};

inline HostAllocator *getHostAllocator(c10::DeviceType)
{
	static HostAllocator one;
	return &one;
}

} // namespace at
#endif
