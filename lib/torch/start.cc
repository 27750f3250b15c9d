/* Sets the device, threads and numeric modes of the process. */
#include "lib/base/par.h"
#include "lib/torch/cuda.h"
#include "lib/torch/handle.h"
#include "lib/torch/start.h"
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/util/Exception.h>
#include <torch/version.h>
#include <cpuid.h>
#include <malloc.h>
#include <cstring>
#include <string>

#ifndef INTRA_OP_PARALLEL
#error at::parallel_for would be a plain loop: compile with -fopenmp
#endif

namespace
{

bool on_gpu = false;
c10::DeviceType device_type = c10::kCPU; /* device of new tensors */

/* Makes malloc keep freed memory, large blocks too. Each step frees what the next one needs; if the
 * kernel got it back, it would clear it page by page, which takes a tenth of a step. */
void keep_memory()
{
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1);
}

/* Call before anything else of libtorch, even show_config: it looks for CUDA only once. */
void use_cuda()
{
	device_type = cuda_open();
	on_gpu = true;
	at::Context &context = at::globalContext();
	context.setDeterministicAlgorithms(true, true);
	context.setDeterministicFillUninitializedMemory(
	    false); /* true would fill new tensors with NaN */
	context.setDeterministicCuDNN(true);
	context.setBenchmarkCuDNN(false);
	context.setAllowTF32CuDNN(false); /* compute f32 in f32 */
}

/* Uses show_config, the library's only function that tells which release it is. */
void check_version()
{
	const std::string config = at::show_config(), key = "TORCH_VERSION=";
	const size_t found = config.find(key), begin = found + key.size();
	TORCH_CHECK(found != std::string::npos, "the loaded libtorch does not tell its version");
	const std::string loaded = config.substr(begin, config.find_first_of(",+ ", begin) - begin);
	TORCH_CHECK(loaded == TORCH_VERSION, "libtorch ", loaded,
	    " was loaded, but this program was built for ", TORCH_VERSION);
}

void set_threads(int threads)
{
	at::set_num_threads(threads > 0 ? threads : par_threads());
	if (at::get_num_interop_threads() != 1)
		at::set_num_interop_threads(1);
}

} // namespace

bool device_is_cuda()
{
	return on_gpu;
}

at::ScalarType scalar_type(enum scalar type)
{
	switch (type) {
	case T_F32:
		return at::kFloat;
	case T_F64:
		return at::kDouble;
	case T_F16:
		return at::kHalf;
	case T_BF16:
		return at::kBFloat16;
	case T_I64:
		return at::kLong;
	case T_I32:
		return at::kInt;
	case T_U8:
		return at::kByte;
	case T_BOOL:
		return at::kBool;
	}
	TORCH_CHECK(false, "unknown scalar type ", (int)type);
}

at::TensorOptions on_device(enum scalar type)
{
	return at::TensorOptions().dtype(scalar_type(type)).device(device_type);
}

int torch_start(const char *device, int threads)
{
	return attempt("start", {}, [&] {
		TORCH_CHECK(device && (!strcmp(device, "cpu") || !strcmp(device, "cuda")),
		    "unknown device '", device ? device : "", "': use cpu or cuda");
		if (!strcmp(device, "cuda"))
			use_cuda();
		check_version();
		set_threads(threads);
		keep_memory();
		at::globalContext().setFlushDenormal(true);
	});
}

int torch_threads(void)
{
	return at::get_num_threads();
}

const char *torch_version(void)
{
	return TORCH_VERSION;
}

bool torch_on_gpu(void)
{
	return device_is_cuda();
}

/* Leaf 7 of cpuid: AMX-BF16 is bit 22 of subleaf 0's edx, AVX512-BF16 bit 5 of subleaf 1's eax.
 * Intel's CPUs issue AVX512-BF16 dot products at half the rate of f32 multiply-adds, so there it
 * gains nothing by itself. */
bool torch_bf16_is_faster(void)
{
	unsigned a, b, c, d;
	if (device_is_cuda())
		return true;
	return (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1)) ||
	       (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1) &&
	           !__builtin_cpu_is("intel"));
}
