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

typedef void *place[5]; /* of __builtin_setjmp */

struct thread {
	dim3 index;
	place at;
	std::unique_ptr<char[]> stack{new char[stack_size]};
	const void *waits = nullptr; /* where it calls __syncthreads */
	bool done = false;
};

inline place scheduler;
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

/* GCC wants __builtin_longjmp in a function of its own. swapcontext costs two system calls, and
 * longjmp under AddressSanitizer four. */
[[noreturn]] __attribute__((noinline, no_sanitize("address"))) inline void jump(place &to)
{
	__builtin_longjmp(to, 1);
}

__attribute__((noinline, no_sanitize("address"))) inline void go(place &from, place &to)
{
	if (!__builtin_setjmp(from))
		jump(to);
}

/* A thread's life: one kernel after another. */
inline void live()
{
	for (;;) {
		go(running->at, scheduler);
		kernel();
		running->done = true;
	}
}

inline void begin(thread &t)
{
	ucontext_t context;
	getcontext(&context);
	context.uc_stack.ss_sp = t.stack.get();
	context.uc_stack.ss_size = stack_size;
	makecontext(&context, live, 0);
	running = &t;
	if (!__builtin_setjmp(scheduler))
		setcontext(&context);
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
		go(scheduler, t.at);
		if (t.done)
			continue;
		alive = true;
		if (barrier && barrier != t.waits)
			wrong("has threads of a block at two barriers");
		barrier = t.waits;
	}
	return alive;
}

inline void run_block(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		all[i].index =
		    dim3(i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y);
		all[i].done = false;
	}
	while (run_turns(n))
		;
}

inline void run(dim3 grid, dim3 block, size_t bytes)
{
	const unsigned n = block.x * block.y * block.z, blocks = grid.x * grid.y * grid.z;
	if (!n || n > 1024 || !blocks || grid.y > 65535 || grid.z > 65535 || bytes > 48 << 10)
		wrong("is launched as no GPU can");
	for (; all.size() < n; begin(all.back()))
		all.emplace_back();
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
	emulated::go(t->at, emulated::scheduler);
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
