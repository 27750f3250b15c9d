#include "lib/torch/cuda.h"
#include <ATen/Context.h>
#include <ATen/Version.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>
#include <unistd.h>
#include <cstdlib>
#include <string>

static const struct cuda_engine *engine;
static const struct cuda_graphs *graphs;

/* Returns the folder of the library that contains a function, with a trailing '/'. */
static std::string folder_of(const void *function)
{
	Dl_info found;
	TORCH_CHECK(
	    dladdr(function, &found) && found.dli_fname, "cannot tell where fd2's libraries are");
	const std::string path = found.dli_fname;
	return path.substr(0, path.find_last_of('/') + 1);
}

/* Loads a plug-in and returns the table that its `function` returns. */
template <class Table>
const Table *open_plugin(const char *file, const char *function, const char *what)
{
	const std::string path = folder_of((const void *)&cuda_open) + file;
	void *library = dlopen(path.c_str(), RTLD_NOW);
	TORCH_CHECK(library, "cannot open ", what, ": ", dlerror(),
	    " (make builds them where it finds nvcc)");
	const auto get = (const Table *(*)(void))dlsym(library, function);
	const Table *table = get ? get() : nullptr;
	TORCH_CHECK(table && table->size == sizeof *table, "'", path, "' belongs to another fd2");
	return table;
}

/* Loads libtorch_cuda.so from the folder of libtorch's CPU library. */
static void *open_libtorch_cuda()
{
	const std::string folder = folder_of((const void *)&at::show_config),
	                  path = folder + "libtorch_cuda.so";
	TORCH_CHECK(access(path.c_str(), F_OK) == 0, "the libtorch in '", folder,
	    "' is for the CPU alone: build with make CUDA=1, or install a PyTorch for CUDA");
	void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
	TORCH_CHECK(library,
	    "cannot open CUDA's libraries, which make CUDA=1 or pip's torch bring: ", dlerror());
	return library;
}

/* The CUDA runtime that libtorch_cuda was loaded with. It is used without its header, which would
 * require one version; these three functions are the same in all. */
class Runtime
{
	void *library;

	template <class Function> Function *function(const char *name) const
	{
		void *found = dlsym(library, name);
		TORCH_CHECK(found, "CUDA's runtime has no ", name);
		return (Function *)found;
	}

	void check(int error) const
	{
		TORCH_CHECK(!error, "no GPU can be used: ",
		    function<const char *(int)>("cudaGetErrorString")(error));
	}

      public:
	explicit Runtime(void *library) : library(library)
	{
	}

	int devices() const
	{
		int n = 0;
		check(function<int(int *)>("cudaGetDeviceCount")(&n));
		return n;
	}

	int attribute(int name) const /* of the first device */
	{
		int value = 0;
		check(function<int(int *, int, int)>("cudaDeviceGetAttribute")(&value, name, 0));
		return value;
	}
};

/* Major compute capability of the oldest GPUs in NVCCFLAGS. */
static const int OLDEST = 8;

static void check_gpu(const Runtime &cuda)
{
	const int MAJOR = 75, MINOR = 76; /* cudaDevAttrComputeCapabilityMajor, -Minor */
	TORCH_CHECK(
	    dlopen("libcuda.so.1", RTLD_LAZY), "no NVIDIA driver is installed: ", dlerror());
	TORCH_CHECK(cuda.devices() > 0, "no GPU was found");
	TORCH_CHECK(cuda.attribute(MAJOR) >= OLDEST,
	    "the GPU is too old: its compute capability is ", cuda.attribute(MAJOR), ".",
	    cuda.attribute(MINOR), ", and fd2's kernels need ", OLDEST, ".0");
}

/* CUDA graphs cannot be recorded on the default stream. */
static void leave_default_stream()
{
	const c10::impl::VirtualGuardImpl cuda(c10::kCUDA);
	cuda.exchangeStream(cuda.getStreamFromGlobalPool(cuda.getDevice()));
}

c10::DeviceType cuda_open()
{
	engine =
	    open_plugin<struct cuda_engine>("libfd2-cuda.so", "fd2_cuda_engine", "fd2's kernels");
	setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8",
	    0); /* cuBLAS is deterministic only with such a workspace */
	check_gpu(Runtime(open_libtorch_cuda()));
	TORCH_CHECK(
	    at::globalContext().hasCUDART(), "libtorch_cuda.so was loaded too late to be used");
	graphs =
	    open_plugin<struct cuda_graphs>("libfd2-graphs.so", "fd2_cuda_graphs", "fd2's graphs");
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

/* Uses the interface that libtorch_cuda registers with libtorch, because its own header needs
 * libc10_cuda. */
void *cuda_stream()
{
	const c10::impl::VirtualGuardImpl cuda(c10::kCUDA);
	return cuda.getStreamNativeHandle(cuda.getStream(cuda.getDevice()));
}

std::shared_ptr<void> cuda_mark()
{
	const c10::impl::VirtualGuardImpl cuda(c10::kCUDA);
	const auto event = std::make_shared<c10::Event>(c10::kCUDA);
	event->record(cuda.getStream(cuda.getDevice()));
	return event;
}

void cuda_wait(void *mark)
{
	((c10::Event *)mark)->synchronize();
}

void cuda_check(const char *wrong)
{
	TORCH_CHECK(!wrong, wrong);
}
