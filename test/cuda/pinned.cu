/* The main of a test whose kernels run on a GPU. */
#include "test/cuda/pinned.h"

#include <cuda_runtime.h>
#include <ucontext.h>

#include <cstdio>
#include <cstring>

namespace
{

constexpr size_t stack_size = 16 << 20;
ucontext_t caller, test;
int status;

void must(cudaError_t e)
{
	if (e == cudaSuccess)
		return;
	printf("# CUDA: %s\n", cudaGetErrorString(e));
	fflush(stdout);
	_Exit(1);
}

void begin()
{
	status = test_main();
}

} // namespace

void *pinned_alloc(size_t bytes)
{
	void *p = nullptr;
	must(cudaHostAlloc(&p, bytes ? bytes : 1, cudaHostAllocMapped));
	return p;
}

void *pinned_zeros(size_t n, size_t size)
{
	return memset(pinned_alloc(n * size), 0, n * size);
}

void pinned_free(void *p)
{
	must(cudaFreeHost(p));
}

int main()
{
	setenv("CUDA_LAUNCH_BLOCKING", "1", 1); /* a kernel has ended when its launch returns */
	getcontext(&test);
	test.uc_stack.ss_sp = pinned_alloc(stack_size);
	test.uc_stack.ss_size = stack_size;
	test.uc_link = &caller;
	makecontext(&test, begin, 0);
	swapcontext(&caller, &test);
	return status;
}
