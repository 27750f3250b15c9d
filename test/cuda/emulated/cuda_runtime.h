/* CUDA's words as C++: the kernels of lib/cuda on the CPU, for tests where no GPU is. The Makefile
 * puts this in the place of CUDA's own header, and writes launches as calls of `launch`.
 *
 * Blocks come one after another. The threads of a block take turns: each runs to its next
 * __syncthreads, or its end. The order is drawn anew each time, so that a barrier that is
 * missing changes the result of the same pass. */
#ifndef FD2_EMULATED_CUDA_H
#define FD2_EMULATED_CUDA_H
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#define __global__
#define __device__
#define __grid_constant__
#define __shared__ static
#define __launch_bounds__(threads)

using std::min;

struct dim3 {
	unsigned x, y, z;
	dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
	{
	}
};

typedef void *cudaStream_t;
typedef int cudaError_t;
constexpr cudaError_t cudaSuccess = 0;

inline cudaError_t cudaGetLastError()
{
	return cudaSuccess;
}

inline const char *cudaGetErrorString(cudaError_t)
{
	return nullptr;
}

inline dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulated
{

constexpr size_t stack_size = 64 << 10;

struct thread {
	dim3 index;
	ucontext_t context;
	std::unique_ptr<char[]> stack{new char[stack_size]};
	const void *waits = nullptr; /* where it calls __syncthreads */
	bool done = false;
};

inline ucontext_t scheduler;
inline std::vector<thread> all; /* of the widest launch so far */
inline thread *running;
inline std::function<void()> kernel;
inline std::unique_ptr<char[]> shared;
inline std::minstd_rand draws;
inline long launches; /* so far */

[[noreturn]] inline void wrong(const char *what)
{
	printf("# a kernel %s\n", what);
	fflush(stdout);
	abort();
}

inline void begin_thread()
{
	kernel();
	running->done = true;
}

/* 0 .. n-1 in an order of their own each time */
inline std::vector<unsigned> shuffled(unsigned n)
{
	std::vector<unsigned> order(n);
	std::iota(order.begin(), order.end(), 0);
	std::shuffle(order.begin(), order.end(), draws);
	return order;
}

/* Each of a block's n threads up to its next barrier; false: all have ended. */
inline bool run_turns(unsigned n)
{
	const void *barrier = nullptr;
	bool alive = false;
	for (const unsigned i : shuffled(n)) {
		thread &t = all[i];
		if (t.done)
			continue;
		running = &t;
		threadIdx = t.index;
		swapcontext(&scheduler, &t.context);
		if (t.done)
			continue;
		alive = true;
		if (barrier && barrier != t.waits)
			wrong("has threads of a block at two barriers");
		barrier = t.waits;
	}
	return alive;
}

inline void ready(thread &t, dim3 index)
{
	t.index = index;
	t.done = false;
	getcontext(&t.context);
	t.context.uc_stack.ss_sp = t.stack.get();
	t.context.uc_stack.ss_size = stack_size;
	t.context.uc_link = &scheduler;
	makecontext(&t.context, begin_thread, 0);
}

inline void run_block(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ready(all[i],
		    dim3(i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y));
	while (run_turns(n))
		;
}

inline void run(dim3 grid, dim3 block, size_t bytes)
{
	const unsigned n = block.x * block.y * block.z, blocks = grid.x * grid.y * grid.z;
	if (!n || n > 1024 || !blocks || grid.y > 65535 || grid.z > 65535 || bytes > 48 << 10)
		wrong("is launched as no GPU can");
	if (all.size() < n)
		all.resize(n);
	launches++;
	gridDim = grid;
	blockDim = block;
	for (const unsigned b : shuffled(blocks)) {
		blockIdx = dim3(b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y);
		shared.reset(new char[bytes]);
		memset(shared.get(), 0xff, bytes);
		run_block(n);
	}
}

} // namespace emulated

__attribute__((noinline)) inline void __syncthreads()
{
	emulated::thread *t = emulated::running;
	t->waits = __builtin_return_address(0);
	swapcontext(&t->context, &emulated::scheduler);
}

/* What `extern __shared__` names. */
template <class T> T *launch_shared()
{
	return (T *)emulated::shared.get();
}

/* kernel<<<grid, block, bytes, stream>>> */
template <class... P>
auto launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t bytes, cudaStream_t)
{
	return [=](P... given) {
		emulated::kernel = [=] { kernel(given...); };
		emulated::run(grid, block, bytes);
	};
}
#endif
