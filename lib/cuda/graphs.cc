/* libtorch's own graphs behind a table in C. Never run on a GPU so far. */
#include "lib/cuda/graphs.h"

#include <ATen/cuda/CUDAGraph.h>
#include <exception>
#include <string>

namespace
{

using at::cuda::CUDAGraph;

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

/* Graphs share one pool of memory, since none leaves anything in it for later: it ends with the last of them. */
at::cuda::MempoolId_t pool;
int alive = 0;

/* A graph that failed here is not deleted: libtorch's allocator may still point to it. */
void *begin(const char **wrong)
{
	CUDAGraph *graph = nullptr;
	*wrong = attempt([&] {
		if (!alive)
			pool = at::cuda::graph_pool_handle();
		graph = new CUDAGraph;
		alive++;
		graph->capture_begin(pool);
	});
	return *wrong ? nullptr : graph;
}

const char *end(void *graph)
{
	return attempt([&] { ((CUDAGraph *)graph)->capture_end(); });
}

const char *launch(void *graph)
{
	return attempt([&] { ((CUDAGraph *)graph)->replay(); });
}

void drop(void *graph)
{
	delete (CUDAGraph *)graph;
	alive--;
}

} // namespace

const cuda_graphs *fd2_cuda_graphs(void)
{
	static const cuda_graphs graphs = {sizeof(cuda_graphs), begin, end, launch, drop};
	return &graphs;
}
