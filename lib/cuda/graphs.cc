/* Exports libtorch's CUDA graphs as a table of C functions. Not run on a GPU yet. */
#include "lib/cuda/graphs.h"

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <algorithm>
#include <exception>
#include <memory>
#include <string>

namespace
{

using at::cuda::CUDAGraph;
using at::cuda::MempoolId_t;
namespace device_memory = c10::cuda::CUDACachingAllocator;

std::string said;

/* Calls f. Returns NULL, or the first line of the exception's message. */
template <class F> const char *attempt(F f)
{
	try {
		f();
		return nullptr;
	} catch (const std::exception &e) {
		said = e.what();
		said.resize(std::min(said.find('\n'), said.size()));
	} catch (...) {
		said = "unknown exception";
	}
	return said.c_str();
}

/* Returns the one memory pool that all graphs share, because none keeps anything in it. libtorch
 * drops a pool after its last user without freeing its memory, so an empty recording remains a user
 * forever. */
MempoolId_t pool()
{
	static const MempoolId_t id = [] {
		const MempoolId_t made = at::cuda::graph_pool_handle();
		at::HostAllocator &host_memory = *at::getHostAllocator(at::kCUDA);
		const c10::DeviceIndex device = c10::cuda::current_device();
		device_memory::beginAllocateToPool(
		    device, made, [](cudaStream_t) { return false; });
		device_memory::endAllocateToPool(device, made);
		host_memory.begin_allocate_to_pool(made, [](c10::Stream) { return false; });
		host_memory.end_allocate_to_pool(made);
		return made;
	}();
	return id;
}

/* Stops libtorch's allocators from recording: a failed capture leaves them so, and they would
 * refuse the next one. They throw if they are not recording. */
void stop_recording() noexcept
{
	try {
		device_memory::endAllocateToPool(c10::cuda::current_device(), pool());
	} catch (...) {
	}
	try {
		at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool());
	} catch (...) {
	}
}

void *begin(const char **wrong)
{
	std::unique_ptr<CUDAGraph> graph;
	*wrong = attempt([&] {
		graph = std::make_unique<CUDAGraph>();
		graph->capture_begin(pool());
	});
	if (!*wrong)
		return graph.release();
	stop_recording();
	return nullptr;
}

const char *end(void *graph)
{
	const char *wrong = attempt([&] { ((CUDAGraph *)graph)->capture_end(); });
	if (wrong)
		stop_recording();
	return wrong;
}

const char *launch(void *graph)
{
	return attempt([&] { ((CUDAGraph *)graph)->replay(); });
}

void drop(void *graph)
{
	delete (CUDAGraph *)graph;
}

} // namespace

const cuda_graphs *fd2_cuda_graphs(void)
{
	static const cuda_graphs graphs = {sizeof(cuda_graphs), begin, end, launch, drop};
	return &graphs;
}
