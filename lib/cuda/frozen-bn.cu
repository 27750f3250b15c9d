/* A frozen BatchNorm and what follows it: the kernels of frozen-rows.h. Each is bound by memory: a thread reads and writes 16 bytes
 * at once where the channels allow, and its channels' constants stay in registers. Never run on a GPU so far; see test/c/kernels.c.
 */
#include "lib/cuda/grid.h"
#include "lib/cuda/launch.h"
#include "lib/torch/elements.h"

#include <algorithm>

namespace
{

/* V neighbouring elements, of f32 or bf16 (as its bits), read and written at once. */
template <class T, int V> struct alignas(sizeof(T) * V) pack {
	T v[V];
};

__device__ float wide(float v)
{
	return v;
}

__device__ float wide(uint16_t v)
{
	return widen(v);
}

template <class T, int V> __device__ pack<T, V> get(const void *p, int64_t i)
{
	return *(const pack<T, V> *)((const T *)p + i);
}

template <class T, int V> __device__ void set(void *p, int64_t i, const pack<T, V> &v)
{
	*(pack<T, V> *)((T *)p + i) = v;
}

/* V channels' constants. */
template <int V> __device__ void constants(float (&to)[V], const float *from, int64_t c)
{
	for (int v = 0; v < V; v++)
		to[v] = from[c + v];
}

/* This thread's first channel, or -1 where the channels end. */
template <int V> __device__ int64_t channel_of(int64_t C)
{
	const int64_t c = ((int64_t)blockIdx.y * blockDim.x + threadIdx.x) * V;
	return c < C ? c : -1;
}

/* The sums of a block's rows: each thread's, then halves onto halves. Those of block b, channel c go to room[b][0..1][c]. */
template <int V> __device__ void join_rows(float (&sum)[V], float (&square)[V], float *room, int64_t c, int64_t C)
{
	__shared__ float sums[2 * V][THREADS];
	const int at = threadIdx.y * blockDim.x + threadIdx.x;
	for (int v = 0; v < V; v++) {
		sums[2 * v][at] = sum[v];
		sums[2 * v + 1][at] = square[v];
	}
	for (int half = blockDim.y / 2; half > 0; half /= 2) {
		__syncthreads();
		if ((int)threadIdx.y < half)
			for (int i = 0; i < 2 * V; i++)
				sums[i][at] += sums[i][at + half * blockDim.x];
	}
	if (threadIdx.y == 0 && c >= 0)
		for (int i = 0; i < 2 * V; i++)
			room[(2 * (int64_t)blockIdx.x + i % 2) * C + c + i / 2] = sums[i][at];
}

template <class T, int V> __global__ void __launch_bounds__(THREADS) forward(frozen_bn k, int64_t rows, int64_t each, float *room)
{
	const int64_t c = channel_of<V>(k.C), first = (int64_t)blockIdx.x * each, end = min(first + each, rows);
	const bool adds = k.residual, clamps = k.top > 0;
	float sum[V] = {}, square[V] = {}, scale[V], shift[V], pivot[V];
	if (c >= 0) {
		constants<V>(scale, k.scale, c);
		constants<V>(shift, k.shift, c);
		constants<V>(pivot, k.pivot, c);
	}
	for (int64_t row = first + threadIdx.y; c >= 0 && row < end; row += blockDim.y) {
		const int64_t at = row * k.C + c;
		const pack<T, V> x = get<T, V>(k.x, at);
		pack<T, V> residual = {}, y;
		if (adds)
			residual = get<T, V>(k.residual, at);
		for (int v = 0; v < V; v++) {
			const float value = wide(x.v[v]), d = value - pivot[v];
			sum[v] += d;
			square[v] += d * d;
			store(y.v, v, frozen_value(value, scale[v], shift[v], adds, wide(residual.v[v]), clamps, k.top),
			    sizeof(T) == 2);
		}
		set<T, V>(k.y, at, y);
	}
	if (room)
		join_rows<V>(sum, square, room, c, k.C);
}

/* The blocks' sums of a channel, in f64: each of JOINERS threads every JOINERS-th block, then those in order. A block joins 32
 * channels. */
__global__ void __launch_bounds__(32 * JOINERS)
    statistics(const float *room, int64_t blocks, int64_t C, double n, const float *pivot, float *mean, float *var)
{
	__shared__ double sums[2][JOINERS][32];
	const int64_t c = (int64_t)blockIdx.x * 32 + threadIdx.x;
	double sum = 0, square = 0;
	for (int64_t b = threadIdx.y; c < C && b < blocks; b += JOINERS) {
		sum += room[2 * b * C + c];
		square += room[(2 * b + 1) * C + c];
	}
	sums[0][threadIdx.y][threadIdx.x] = sum;
	sums[1][threadIdx.y][threadIdx.x] = square;
	__syncthreads();
	if (threadIdx.y != 0 || c >= C)
		return;
	for (int i = 1; i < JOINERS; i++) {
		sum += sums[0][i][threadIdx.x];
		square += sums[1][i][threadIdx.x];
	}
	frozen_statistics(sum, square, n, pivot[c], mean + c, var + c);
}

/* slope and offset [C] */
__global__ void lines(int64_t C, double n, const float *mean, const float *dmean, const float *dvar, float *slope, float *offset)
{
	const int64_t c = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
	if (c < C)
		frozen_line(dmean ? dmean[c] : 0, dvar ? dvar[c] : 0, mean ? mean[c] : 0, n, slope + c, offset + c);
}

template <class T, int V> __global__ void __launch_bounds__(THREADS) backward(frozen_bn k, int64_t rows, int64_t each)
{
	const int64_t c = channel_of<V>(k.C), first = (int64_t)blockIdx.x * each, end = min(first + each, rows);
	const bool adds = k.dresidual, clamps = k.top > 0;
	float scale[V], slope[V], offset[V];
	if (c < 0)
		return;
	constants<V>(scale, k.scale, c);
	constants<V>(slope, k.slope, c);
	constants<V>(offset, k.offset, c);
	for (int64_t row = first + threadIdx.y; row < end; row += blockDim.y) {
		const int64_t at = row * k.C + c;
		const pack<T, V> x = get<T, V>(k.x, at), dy = get<T, V>(k.dy, at);
		pack<T, V> y = {}, dx, dresidual;
		if (clamps)
			y = get<T, V>(k.y, at);
		for (int v = 0; v < V; v++) {
			const float d = frozen_through(wide(dy.v[v]), wide(y.v[v]), clamps, k.top);
			store(dresidual.v, v, d, sizeof(T) == 2);
			store(dx.v, v, frozen_gradient(d, wide(x.v[v]), scale[v], slope[v], offset[v]), sizeof(T) == 2);
		}
		if (adds)
			set<T, V>(k.dresidual, at, dresidual);
		set<T, V>(k.dx, at, dx);
	}
}

dim3 blocks_of(const grid &g)
{
	return dim3((unsigned)g.down, (unsigned)g.across);
}

uintptr_t bits(const void *p)
{
	return (uintptr_t)p;
}

} // namespace

/* The kernel for x's type and for `vector` channels at once. */
#define CHOOSE(kernel, vector)                                                                                                     \
	(k->bf16          ? vector == 8   ? kernel<uint16_t, 8>                                                                    \
	                    : vector == 2 ? kernel<uint16_t, 2>                                                                    \
	                                  : kernel<uint16_t, 1>                                                                    \
	             : vector == 4 ? kernel<float, 4>                                                                              \
	    : vector == 2 ? kernel<float, 2>                                                                                       \
	                  : kernel<float, 1>)

int64_t frozen_room(int64_t rows, int64_t C)
{
	int64_t most = 0;
	for (int vector = 1; vector <= 8; vector *= 2)
		if (C % vector == 0)
			most = std::max(most, 2 * C * grid_of(rows, C, vector).down);
	return most;
}

const char *frozen_forward(const frozen_bn *k, int64_t rows, float *room, float *mean, float *var, void *on)
{
	const cudaStream_t stream = (cudaStream_t)on;
	const int vector = grid_vector(k->C, k->bf16, bits(k->x) | bits(k->y) | bits(k->residual));
	const grid g = grid_of(rows, k->C, vector);
	const auto kernel = CHOOSE(forward, vector);
	kernel<<<blocks_of(g), dim3(g.wide, g.high), 0, stream>>>(*k, rows, g.each, room);
	if (room)
		statistics<<<(unsigned)((k->C + 31) / 32), dim3(32, JOINERS), 0, stream>>>(
		    room, g.down, k->C, (double)rows, k->pivot, mean, var);
	return launched();
}

const char *frozen_backward(
    const frozen_bn *k, int64_t rows, const float *mean, const float *dmean, const float *dvar, float *line, void *on)
{
	const cudaStream_t stream = (cudaStream_t)on;
	const uintptr_t all = bits(k->x) | bits(k->y) | bits(k->dy) | bits(k->dx) | bits(k->dresidual);
	const int vector = grid_vector(k->C, k->bf16, all);
	const grid g = grid_of(rows, k->C, vector);
	frozen_bn with = *k;
	with.slope = line;
	with.offset = line + k->C;
	lines<<<(unsigned)((k->C + THREADS - 1) / THREADS), THREADS, 0, stream>>>(
	    k->C, (double)rows, mean, dmean, dvar, line, line + k->C);
	const auto kernel = CHOOSE(backward, vector);
	kernel<<<blocks_of(g), dim3(g.wide, g.high), 0, stream>>>(with, rows, g.each);
	return launched();
}
