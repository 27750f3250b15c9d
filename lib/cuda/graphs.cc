/* libtorch's own graphs behind a table in C. Never run on a GPU so far. */
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

/* NULL, or what f threw. */
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

/* Graphs share one memory pool, because none keeps anything in it. libtorch drops a pool with
 * its last user but does not free its memory; an empty recording stays as a user for good. */
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

/* A capture that fails leaves libtorch's allocators recording, which would refuse the next one.
 * They throw where they are not. */
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
