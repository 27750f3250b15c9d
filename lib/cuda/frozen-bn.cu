/* A frozen BatchNorm and what follows it: bn-rows.h as CUDA kernels. They are bound by memory, so a
 * thread reads and writes 16 bytes at once if the channels allow, and keeps its channels' constants
 * in registers. Not run on a GPU yet; see test/c/kernels.c. */
#include "lib/cuda/channels.h"
#include "lib/cuda/pool.h"

#include <algorithm>

namespace
{

template <class T, int V, bool adds, bool clamps>
__global__ void __launch_bounds__(THREADS)
    forward(bn_pass k, int64_t rows, int64_t each, float *workspace)
{
	const tile mine = tile_of<V>(k.C, rows, each);
	const int64_t c = mine.c;
	float sum[V] = {}, square[V] = {}, scale[V], shift[V], pivot[V];
	constants<V>(scale, k.scale, c);
	constants<V>(shift, k.shift, c);
	constants<V>(pivot, k.pivot, c);
	each_row<adds ? 2 : 4>(mine, [&](auto several, int64_t row) {
		constexpr int n = decltype(several)::value;
		pack<T, V> x[n], residual[n] = {};
		for (int i = 0; i < n; i++) {
			const int64_t at = (row + i * blockDim.y) * k.C + c;
			x[i] = get<T, V>(k.x, at);
			if (adds)
				residual[i] = get<T, V>(k.residual, at);
		}
		for (int i = 0; i < n; i++) {
			float y[V];
			for (int v = 0; v < V; v++) {
				const float value = wide(x[i].v[v]), d = value - pivot[v];
				sum[v] += d;
				square[v] += d * d;
				y[v] = bn_value(value, scale[v], shift[v], adds,
				    wide(residual[i].v[v]), clamps, k.top);
			}
			set<T, V>(k.y, (row + i * blockDim.y) * k.C + c, rounded<T>(y));
		}
	});
	if (workspace)
		join_rows<V>(sum, square, workspace, c, k.C);
}

/* Adds the blocks' sums of a channel in a group, in f64: each of JOINERS threads adds every
 * JOINERS-th block, then one thread adds their sums in order. A block processes 32 channels. */
__global__ void __launch_bounds__(32 * JOINERS) statistics(const float *workspace, int64_t blocks,
    int64_t C, double n, const float *pivot, float *mean, float *var)
{
	__shared__ double sums[2][JOINERS][32];
	const int64_t c = (int64_t)blockIdx.x * 32 + threadIdx.x, group = blockIdx.y;
	double sum = 0, square = 0;
	for (int64_t b = threadIdx.y; c < C && b < blocks; b += JOINERS) {
		const float *of = workspace + 2 * (group * blocks + b) * C + c;
		sum += of[0];
		square += of[C];
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
	bn_mean_var(sum, square, n, pivot[c], mean + group * C + c, var + group * C + c);
}

template <class T, int V, bool adds, bool clamps>
__global__ void __launch_bounds__(THREADS)
    backward(bn_pass k, int64_t rows, int64_t each, statistics_gradient statistics)
{
	const tile mine = tile_of<V>(k.C, rows, each);
	const int64_t c = mine.c;
	float scale[V], slope[V], offset[V];
	constants<V>(scale, k.scale, c);
	lines<V>(slope, offset, statistics, k.C);
	each_row<2>(mine, [&](auto several, int64_t row) {
		constexpr int n = decltype(several)::value;
		pack<T, V> x[n], dy[n], y[n] = {};
		for (int i = 0; i < n; i++) {
			const int64_t at = (row + i * blockDim.y) * k.C + c;
			x[i] = get<T, V>(k.x, at);
			dy[i] = get<T, V>(k.dy, at);
			if (clamps)
				y[i] = get<T, V>(k.y, at);
		}
		for (int i = 0; i < n; i++) {
			const int64_t at = (row + i * blockDim.y) * k.C + c;
			float d[V], dx[V];
			for (int v = 0; v < V; v++) {
				d[v] = bn_passed(wide(dy[i].v[v]), wide(y[i].v[v]), clamps, k.top);
				dx[v] = bn_gradient(
				    d[v], wide(x[i].v[v]), scale[v], slope[v], offset[v]);
			}
			if (adds)
				set<T, V>(k.dresidual, at, rounded<T>(d));
			set<T, V>(k.dx, at, rounded<T>(dx));
		}
	});
}

/* Choose the kernel by whether it adds a residual and whether it clamps. */
template <class T, int V> auto forward_of(bool adds, bool clamps)
{
	return adds     ? clamps ? forward<T, V, true, true> : forward<T, V, true, false>
	           : clamps ? forward<T, V, false, true>
	                : forward<T, V, false, false>;
}

template <class T, int V> auto backward_of(bool adds, bool clamps)
{
	return adds     ? clamps ? backward<T, V, true, true> : backward<T, V, true, false>
	           : clamps ? backward<T, V, false, true>
	                : backward<T, V, false, false>;
}

/* Returns the number of rows that the threads process; with a pool these are windows. */
int64_t walked_of(const bn_pass *k, int64_t rows)
{
	return k->pools ? windows_of(k, rows) : rows;
}

/* Returns the addresses, or'ed, of all arrays that kernels access V elements at a time. */
uintptr_t all_bits(const bn_pass *k)
{
	return bits(k->x) | bits(k->residual) | bits(k->y) | bits(k->dy) | bits(k->dx) |
	       bits(k->dresidual) | bits(k->scale) | bits(k->shift) | bits(k->pivot) |
	       winner_bits(k);
}

} // namespace

int64_t frozen_workspace(const bn_pass *k, int64_t rows, int64_t groups)
{
	const int64_t walked = walked_of(k, rows);
	int64_t most = 0;
	for (int vector = 1; vector <= 8; vector *= 2)
		if (k->C % vector == 0)
			most = std::max(most, grid_of(walked, groups, k->C, vector).down);
	return 2 * k->C * groups * most;
}

const char *frozen_forward(const bn_pass *k, int64_t rows, int64_t groups, float *workspace,
    float *mean, float *var, void *on)
{
	const cudaStream_t stream = (cudaStream_t)on;
	if (k->pools && !pool_fits(k, rows * groups))
		return too_many;
	const int vector = grid_vector(k->C, k->bf16, all_bits(k));
	const int64_t walked = walked_of(k, rows);
	const grid g = grid_of(walked, groups, k->C, vector);
	const auto kernel = k->pools ? CHOOSE(pool_forward, vector)
	                             : (CHOOSE(forward_of, vector))(k->residual, k->top > 0);
	kernel<<<blocks_of(g, groups), dim3(g.wide, g.high), 0, stream>>>(
	    *k, walked, g.each, workspace);
	if (workspace) {
		const dim3 blocks((unsigned)((k->C + 31) / 32), (unsigned)groups);
		statistics<<<blocks, dim3(32, JOINERS), 0, stream>>>(
		    workspace, g.down, k->C, (double)rows, k->pivot, mean, var);
	}
	return launched();
}

const char *frozen_backward(const bn_pass *k, int64_t rows, int64_t groups, const float *mean,
    const float *dmean, const float *dvar, void *on)
{
	if (k->pools && !pool_fits(k, rows * groups))
		return too_many;
	const int vector = grid_vector(k->C, k->bf16, all_bits(k));
	const int64_t walked = walked_of(k, rows);
	const grid g = grid_of(walked, groups, k->C, vector);
	const auto kernel = k->pools ? CHOOSE(pool_backward, vector)
	                             : (CHOOSE(backward_of, vector))(k->dresidual, k->top > 0);
	kernel<<<blocks_of(g, groups), dim3(g.wide, g.high), 0, (cudaStream_t)on>>>(
	    *k, walked, g.each, statistics_gradient{mean, dmean, dvar, (double)rows});
	return launched();
}
