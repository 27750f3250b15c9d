#include "lib/torch/cuda.h"
#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>
#include <cstdlib>
#include <string>

static const struct cuda_engine *engine;
static const struct cuda_graphs *graphs;

/* The folder of the library that this code is in. */
static std::string own_folder()
{
	Dl_info self;
	TORCH_CHECK(dladdr((const void *)&own_folder, &self) && self.dli_fname, "cannot tell where libfd2-torch.so is");
	const std::string path = self.dli_fname;
	return path.substr(0, path.find_last_of('/') + 1);
}

/* The table of a plug-in, which one of its functions gives. */
template <class Table> const Table *open_plugin(const char *file, const char *function, const char *what)
{
	const std::string path = own_folder() + file;
	void *library = dlopen(path.c_str(), RTLD_NOW);
	TORCH_CHECK(library, "cannot open ", what, ": ", dlerror(), " (make builds them where it finds nvcc)");
	const auto get = (const Table *(*)(void))dlsym(library, function);
	const Table *table = get ? get() : nullptr;
	TORCH_CHECK(table && table->size == sizeof *table, "'", path, "' belongs to another fd2");
	return table;
}

/* Graphs are recorded on any stream but the default one. */
static void leave_default_stream()
{
	const c10::impl::VirtualGuardImpl cuda(c10::kCUDA);
	cuda.exchangeStream(cuda.getStreamFromGlobalPool(cuda.getDevice()));
}

c10::DeviceType cuda_open()
{
	engine = open_plugin<struct cuda_engine>("libfd2-cuda.so", "fd2_cuda_engine", "fd2's kernels");
	setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0); /* cuBLAS is deterministic only with a workspace of this kind */
	if (!dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL))
		TORCH_CHECK(false, "cannot open CUDA: ", dlerror());
	TORCH_CHECK(at::hasCUDA(), "libtorch_cuda.so was loaded too late to be used");
	TORCH_CHECK(at::detail::getCUDAHooks().deviceCount() > 0, "no CUDA device found");
	graphs = open_plugin<struct cuda_graphs>("libfd2-graphs.so", "fd2_cuda_graphs", "fd2's graphs");
	leave_default_stream();
	return c10::kCUDA;
}

const struct cuda_engine &cuda_kernels()
{
	TORCH_CHECK(engine, "CUDA was not opened");
	return *engine;
}

const struct cuda_graphs *cuda_graphs()
{
	return graphs;
}

/* Through the table that libtorch_cuda registers itself in, as its own header would need libc10_cuda. */
void *cuda_stream()
{
	const c10::impl::VirtualGuardImpl cuda(c10::kCUDA);
	return cuda.getStreamNativeHandle(cuda.getStream(cuda.getDevice()));
}

void cuda_check(const char *wrong)
{
	TORCH_CHECK(!wrong, wrong);
}
