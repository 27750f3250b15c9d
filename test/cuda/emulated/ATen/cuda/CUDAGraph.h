/* In the place of libtorch's header of this name: what lib/cuda/graphs.cc uses of it. What
 * records is in device.cc. */
#ifndef FD2_EMULATED_CUDA_GRAPH_H
#define FD2_EMULATED_CUDA_GRAPH_H
#include "test/cuda/emulated/memory.h"
#include <c10/core/Device.h>
#include <c10/core/Storage.h>
#include <functional>
#include <vector>

typedef void *cudaStream_t;

namespace c10::cuda
{

inline DeviceIndex current_device()
{
	return 0;
}

namespace CUDACachingAllocator
{

inline void beginAllocateToPool(
    DeviceIndex, MempoolId_t pool, const std::function<bool(cudaStream_t)> &)
{
	emulated::of_device.begin(pool);
}

inline void endAllocateToPool(DeviceIndex, MempoolId_t pool)
{
	emulated::of_device.end(pool);
}

} // namespace CUDACachingAllocator
} // namespace c10::cuda

namespace at::cuda
{

using c10::MempoolId_t;

inline MempoolId_t graph_pool_handle()
{
	static c10::CaptureId_t made = 0;
	return {0, ++made};
}

struct CUDAGraph {
	void capture_begin(MempoolId_t pool);
	/* After a step that cannot be recorded it throws before the allocators hear of it, like
	 * libtorch's. */
	void capture_end();
	void replay();
	~CUDAGraph();

	std::vector<std::function<const char *()>> calls;
	std::vector<c10::Storage> own; /* what it allocated */
	long operations = 0; /* that a GPU would run: launches of our kernels, and libtorch's
	                        operators but for views */
	MempoolId_t pool;
	bool is_invalid = false; /* the step did what cannot be recorded */
	bool has_ended = false;
	bool is_taken =
	    true; /* recording took the step, which on a GPU is left to the first launch */
};

} // namespace at::cuda
#endif
