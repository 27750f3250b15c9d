/* A frozen BatchNorm and what follows it: the kernels of frozen-rows.h. Each is bound by memory: a thread reads and writes 16 bytes
 * at once where the channels allow, and its channels' constants stay in registers. Never run on a GPU so far; see test/c/kernels.c.
 */
#include "lib/cuda/channels.h"
#include "lib/cuda/pool.h"

#include <algorithm>

namespace
{

template <class T, int V> __global__ void __launch_bounds__(THREADS) forward(frozen_bn k, int64_t rows, int64_t each, float *room)
{
	const auto [c, first, end] = lot_of<V>(k.C, rows, each);
	const bool adds = k.residual, clamps = k.top > 0;
	float sum[V] = {}, square[V] = {}, scale[V], shift[V], pivot[V];
	constants<V>(scale, k.scale, c);
	constants<V>(shift, k.shift, c);
	constants<V>(pivot, k.pivot, c);
	for (int64_t row = first; row < end; row += blockDim.y) {
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
	const auto [c, first, end] = lot_of<V>(k.C, rows, each);
	const bool adds = k.dresidual, clamps = k.top > 0;
	float scale[V], slope[V], offset[V];
	constants<V>(scale, k.scale, c);
	constants<V>(slope, k.slope, c);
	constants<V>(offset, k.offset, c);
	for (int64_t row = first; row < end; row += blockDim.y) {
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

} // namespace

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
	if (k->pools && !pool_fits(k, rows))
		return too_many;
	const int vector = grid_vector(k->C, k->bf16, bits(k->x) | bits(k->y) | bits(k->residual) | winner_bits(k));
	const int64_t walked = k->pools ? windows_of(k, rows) : rows;
	const grid g = grid_of(walked, k->C, vector);
	const auto kernel = k->pools ? CHOOSE(pool_forward, vector) : CHOOSE(forward, vector);
	kernel<<<blocks_of(g), dim3(g.wide, g.high), 0, stream>>>(*k, walked, g.each, room);
	if (room)
		statistics<<<(unsigned)((k->C + 31) / 32), dim3(32, JOINERS), 0, stream>>>(
		    room, g.down, k->C, (double)rows, k->pivot, mean, var);
	return launched();
}

const char *frozen_backward(
    const frozen_bn *k, int64_t rows, const float *mean, const float *dmean, const float *dvar, float *line, void *on)
{
	const cudaStream_t stream = (cudaStream_t)on;
	if (k->pools && !pool_fits(k, rows))
		return too_many;
	const uintptr_t all = bits(k->x) | bits(k->y) | bits(k->dy) | bits(k->dx) | bits(k->dresidual) | winner_bits(k);
	const int vector = grid_vector(k->C, k->bf16, all);
	const int64_t walked = k->pools ? windows_of(k, rows) : rows;
	const grid g = grid_of(walked, k->C, vector);
	frozen_bn with = *k;
	with.slope = line;
	with.offset = line + k->C;
	lines<<<(unsigned)((k->C + THREADS - 1) / THREADS), THREADS, 0, stream>>>(
	    k->C, (double)rows, mean, dmean, dvar, line, line + k->C);
	const auto kernel = k->pools ? CHOOSE(pool_backward, vector) : CHOOSE(backward, vector);
	kernel<<<blocks_of(g), dim3(g.wide, g.high), 0, stream>>>(with, walked, g.each);
	return launched();
}
