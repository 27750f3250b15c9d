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

void *begin(const char **wrong)
{
	CUDAGraph *graph = nullptr;
	*wrong = attempt([&] {
		graph = new CUDAGraph;
		graph->capture_begin();
	});
	if (!*wrong)
		return graph;
	delete graph;
	return nullptr;
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
}

} // namespace

const cuda_graphs *fd2_cuda_graphs(void)
{
	static const cuda_graphs graphs = {sizeof(cuda_graphs), begin, end, launch, drop};
	return &graphs;
}
