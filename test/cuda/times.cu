/* What each kernel takes on a GPU at the sizes of ResNet-18: microseconds (median of CUDA events)
 * and the memory's rate, counting each byte that a pass must read or write once. test/c/kernels.c
 * says whether they are right.
 *
 * usage: times [IMAGES] */
#include "lib/cuda/engine.h"
#include "lib/kernels/elements.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace
{

const struct cuda_engine *engine;
int64_t N = 100;

void must(cudaError_t e)
{
	if (e == cudaSuccess)
		return;
	fprintf(stderr, "times: %s\n", cudaGetErrorString(e));
	exit(1);
}

void must(const char *wrong)
{
	if (!wrong)
		return;
	fprintf(stderr, "times: %s\n", wrong);
	exit(1);
}

/* Numbers of no pattern in [-1, 1). */
__global__ void scatter(void *v, int64_t n, bool bf16)
{
	const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
	if (i >= n)
		return;
	uint32_t h = (uint32_t)i * 2654435761u;
	h = (h ^ h >> 15) * 2246822519u;
	store(v, i, (float)(int32_t)(h ^ h >> 13) * 0x1p-31f, bf16);
}

/* n elements of the device's memory. */
struct array {
	void *v = nullptr;
	double bytes;
	explicit array(int64_t n, bool bf16 = false) : bytes((double)n * (bf16 ? 2 : 4))
	{
		must(cudaMalloc(&v, (size_t)bytes));
		scatter<<<(unsigned)((n + 255) / 256), 256>>>(v, n, bf16);
		must(cudaGetLastError());
	}
	~array()
	{
		cudaFree(v);
	}
	array(const array &) = delete;
	array &operator=(const array &) = delete;
	operator float *() const
	{
		return (float *)v;
	}
};

template <class F> double microseconds(F f)
{
	enum { WARM = 3, TIMES = 21 };
	std::vector<float> ms(TIMES);
	cudaEvent_t a, b;
	must(cudaEventCreate(&a));
	must(cudaEventCreate(&b));
	for (int i = -WARM; i < TIMES; i++) {
		must(cudaEventRecord(a));
		must(f());
		must(cudaEventRecord(b));
		must(cudaEventSynchronize(b));
		if (i >= 0)
			must(cudaEventElapsedTime(&ms[i], a, b));
	}
	cudaEventDestroy(a);
	cudaEventDestroy(b);
	std::nth_element(ms.begin(), ms.begin() + TIMES / 2, ms.end());
	return 1000.0 * ms[TIMES / 2];
}

template <class F> void line(const char *pass, const char *what, double bytes, F f)
{
	const double us = microseconds(f);
	printf("%-10s %-28s %10.1f %8.0f\n", pass, what, us, bytes / us / 1000);
	fflush(stdout);
}

void norm(int64_t C, int64_t side, bool bf16, bool adds, bool pools)
{
	const int64_t rows = N * side * side, out = pools ? (side + 1) / 2 : side, n = rows * C,
	              n_out = N * out * out * C;
	const array x(n, bf16), residual(adds ? n : 1, bf16), y(n_out, bf16), dy(n_out, bf16),
	    dx(n, bf16), dr(adds ? n : 1, bf16);
	const array channels(7 * C), winner((n_out + 3) / 4), statistics(2 * C);
	float *c = channels;
	char name[64];
	struct bn_pass k = {};
	k.C = C;
	k.bf16 = bf16;
	k.top = INFINITY;
	k.x = x.v;
	k.residual = adds ? residual.v : nullptr;
	k.y = y.v;
	k.scale = c;
	k.shift = c + C;
	k.pivot = c + 2 * C;
	k.pools = pools;
	k.H = k.W = side;
	k.winner = (uint8_t *)winner.v;
	k.dy = dy.v;
	k.dx = dx.v;
	k.dresidual = adds ? dr.v : nullptr;
	const array workspace(engine->frozen_workspace(&k, rows, 1));
	snprintf(name, sizeof name, "%s %lldx%lldx%lld %s",
	    pools  ? "BN, pool"
	    : adds ? "BN, residual"
	           : "BN",
	    (long long)C, (long long)side, (long long)side, bf16 ? "bf16" : "f32");
	const double read = x.bytes + (adds ? residual.bytes : 0),
	             places = pools ? (double)n_out : 0;
	line("forward", name, read + y.bytes + places, [&] {
		return engine->frozen_forward(
		    &k, rows, 1, workspace, statistics, (float *)statistics + C, nullptr);
	});
	line("backward", name, read + dx.bytes + dy.bytes + (pools ? places : y.bytes), [&] {
		return engine->frozen_backward(
		    &k, rows, 1, statistics, c + 3 * C, c + 4 * C, nullptr);
	});
}

void pixels(int64_t side, bool bf16)
{
	const int64_t n = N * side * side * 3;
	const array x(n), y(n, bf16), numbers(64);
	const struct pixel_view view = {20, 31, 150, 171, true, 7, 19};
	must(cudaMemcpy(numbers.v, &view, sizeof view, cudaMemcpyHostToDevice));
	const auto *v = (const struct pixel_view *)numbers.v;
	const view_sides sides = {side, side, side, side};
	const char *name = bf16 ? "224x224 bf16" : "224x224 f32";
	line("view", name, x.bytes + y.bytes,
	    [&] { return engine->view_forward(x, y.v, bf16, v, 1, N, &sides, nullptr); });
	line("adjoint", name, x.bytes + y.bytes,
	    [&] { return engine->view_adjoint(y.v, x, bf16, v, 1, N, &sides, nullptr); });
}

void move(int64_t side)
{
	const int64_t n = N * side * side * 3;
	const array x(n), g(n), m(n), v(n), numbers(64);
	const struct adam k = {0.5f, 0.9f, 1e-8f, 0.25f, 1.2f, {-2, -2, -2}, {2, 2, 2}};
	must(cudaMemset(v.v, 0, (size_t)v.bytes));
	must(cudaMemcpy(numbers.v, &k, sizeof k, cudaMemcpyHostToDevice));
	line("Adam", "224x224", 7 * x.bytes, [&] {
		return engine->adam((const struct adam *)numbers.v, x, g, m, v, n / 3, nullptr);
	});
}

} // namespace

int main(int argc, char **argv)
{
	static const struct {
		int64_t C, side;
	} layers[] = {{64, 56}, {128, 28}, {256, 14}, {512, 7}};
	N = argc > 1 ? atoll(argv[1]) : N;
	cudaDeviceProp card;
	must(cudaGetDeviceProperties(&card, 0));
	engine = fd2_cuda_engine();
	printf("%s, %lld images\n%-39s %10s %8s\n", card.name, (long long)N, "", "us", "GB/s");
	for (const bool bf16 : {true, false}) {
		norm(64, 112, bf16, false, true);
		for (const auto &l : layers)
			for (const bool adds : {false, true})
				norm(l.C, l.side, bf16, adds, false);
		pixels(224, bf16);
	}
	move(224);
	return 0;
}
