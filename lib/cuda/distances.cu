/* The BatchNorm-statistics loss of all layers in one launch, or a few if a network has many layers,
 * and one more that adds the terms. The gradient takes as many without the latter. A block of these
 * processes one layer of one group. */
#include "lib/cuda/grid.h"
#include "lib/cuda/launch.h"

#include <algorithm>

namespace
{

constexpr int layers_at_once = 60; /* a launch takes up to 4096 bytes of arguments */

struct table {
	bn_layer of[layers_at_once];
};
static_assert(sizeof(table) <= 4096 - 64);

/* Calls launch_some(table, m, first) for layers first .. first+m-1, until all n are done. */
template <class F> void each_table(const bn_layer *layers, int n, F launch_some)
{
	for (int first = 0; first < n; first += layers_at_once) {
		const int m = std::min(layers_at_once, n - first);
		table t = {};
		std::copy(layers + first, layers + first + m, t.of);
		launch_some(t, m, first);
	}
}

/* Adds the threads' sums by a tree reduction; sums[i][0] becomes the block's. */
template <int N> __device__ void join(double (&sums)[N][THREADS])
{
	for (int half = THREADS / 2; half > 0; half /= 2) {
		__syncthreads();
		if ((int)threadIdx.x < half)
			for (int i = 0; i < N; i++)
				sums[i][threadIdx.x] += sums[i][threadIdx.x + half];
	}
}

/* Returns what a distance |u| / length adds to the loss. Multiplying u by *factor, which is 0 if u
 * is 0, gives the gradient. */
__device__ double term_of(double squares, double length, double weight, float *factor)
{
	const double distance = sqrt(squares);
	*factor = (float)(distance > 0 ? weight / (length * distance) : 0);
	return weight * (distance / length);
}

__global__ void __launch_bounds__(THREADS) distances_of(const __grid_constant__ table layers,
    int64_t groups, bool normalised, float *factors, float *terms)
{
	__shared__ double sums[4][THREADS];
	const bn_layer &l = layers.of[blockIdx.y];
	const int64_t g = blockIdx.x, out = (int64_t)blockIdx.y * groups + g;
	double mean = 0, var = 0, length = 0, square = 0;
	for (int64_t c = threadIdx.x; c < l.C; c += THREADS) {
		const double m = (double)l.mean[g * l.C + c] - l.running_mean[c],
		             running = l.running_var[c], v = l.var[g * l.C + c] - running;
		mean += m * m;
		var += v * v;
		length += running;
		square += running * running;
	}
	sums[0][threadIdx.x] = mean;
	sums[1][threadIdx.x] = var;
	sums[2][threadIdx.x] = length;
	sums[3][threadIdx.x] = square;
	join(sums);
	if (threadIdx.x == 0)
		terms[out] = (float)(term_of(sums[0][0], normalised ? sqrt(sums[2][0]) : 1,
		                         l.weight, factors + 2 * out) +
		                     term_of(sums[1][0], normalised ? sqrt(sums[3][0]) : 1,
		                         l.weight, factors + 2 * out + 1));
}

/* One block adds all terms. */
__global__ void __launch_bounds__(THREADS) sum_of(const float *terms, int64_t n, float *sum)
{
	__shared__ double sums[1][THREADS];
	double mine = 0;
	for (int64_t i = threadIdx.x; i < n; i += THREADS)
		mine += terms[i];
	sums[0][threadIdx.x] = mine;
	join(sums);
	if (threadIdx.x == 0)
		*sum = (float)sums[0][0];
}

__global__ void __launch_bounds__(THREADS) gradients_of(
    const __grid_constant__ table layers, int64_t groups, const float *factors, const float *dsum)
{
	const bn_layer &l = layers.of[blockIdx.y];
	const int64_t g = blockIdx.x;
	const float *factor = factors + 2 * (blockIdx.y * groups + g), of_mean = *dsum * factor[0],
	            of_var = *dsum * factor[1];
	for (int64_t c = threadIdx.x; c < l.C; c += THREADS) {
		l.dmean[g * l.C + c] = of_mean * (l.mean[g * l.C + c] - l.running_mean[c]);
		l.dvar[g * l.C + c] = of_var * (l.var[g * l.C + c] - l.running_var[c]);
	}
}

dim3 blocks_of(int64_t groups, int layers)
{
	return dim3((unsigned)groups, (unsigned)layers);
}

} // namespace

const char *distances(const bn_layer *layers, int n, int64_t groups, bool normalised,
    float *factors, float *terms, float *sum, void *on)
{
	const cudaStream_t stream = (cudaStream_t)on;
	each_table(layers, n, [&](const table &t, int m, int first) {
		distances_of<<<blocks_of(groups, m), THREADS, 0, stream>>>(
		    t, groups, normalised, factors + 2 * first * groups, terms + first * groups);
	});
	sum_of<<<1, THREADS, 0, stream>>>(terms, n * groups, sum);
	return launched();
}

const char *distances_gradient(const bn_layer *layers, int n, int64_t groups, const float *factors,
    const float *dsum, void *on)
{
	each_table(layers, n, [&](const table &t, int m, int first) {
		gradients_of<<<blocks_of(groups, m), THREADS, 0, (cudaStream_t)on>>>(
		    t, groups, factors + 2 * first * groups, dsum);
	});
	return launched();
}
