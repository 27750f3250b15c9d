/* Shared by the kernels over x [rows][C]: each thread processes V adjacent channels, which it reads
 * and writes at once (grid.h). */
#ifndef FD2_CHANNELS_H
#define FD2_CHANNELS_H
#include "lib/cuda/grid.h"
#include "lib/cuda/launch.h"
#include "lib/kernels/elements.h"
#include <cuda_bf16.h>
#include <type_traits>

/* Loops that must be unrolled, and loops that must not. */
#ifdef __CUDACC__
#define UNROLL _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")
#else
#define UNROLL
#define ROLLED
#endif

namespace
{

/* V adjacent elements, f32 or bf16 (as its bits), read and written at once. */
template <class T, int V> struct alignas(sizeof(T) * V) pack {
	T v[V];
};

inline __device__ float wide(float v)
{
	return v;
}

inline __device__ float wide(uint16_t v)
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

/* Convert between a pair of bf16 and the word that holds them. */
inline __device__ uint32_t word_of(__nv_bfloat162 pair)
{
	uint32_t word;
	memcpy(&word, &pair, sizeof word);
	return word;
}

inline __device__ __nv_bfloat162 pair_of(uint32_t word)
{
	__nv_bfloat162 pair;
	memcpy(&pair, &word, sizeof pair);
	return pair;
}

/* V elements as 32-bit words, so that one instruction processes two bf16. */
template <class T, int V> struct words {
	static constexpr int n = (V * (int)sizeof(T) + 3) / 4;
	uint32_t w[n] = {};

	words() = default;

	__device__ words(const pack<T, V> &p)
	{
		memcpy(w, &p, sizeof p);
	}

	__device__ float operator[](int v) const
	{
		const uint32_t u = sizeof(T) == sizeof u ? w[v]
		                   : v % 2               ? w[v / 2] & 0xffff0000
		                                         : w[v / 2] << 16;
		float f;
		memcpy(&f, &u, sizeof f);
		return f;
	}

	__device__ words operator^(const words &b) const
	{
		words r;
		for (int i = 0; i < n; i++)
			r.w[i] = w[i] ^ b.w[i];
		return r;
	}
};

/* Returns the element-wise maximum; a NaN wins. */
template <class T, int V> __device__ words<T, V> larger(const words<T, V> &a, const words<T, V> &b)
{
	words<T, V> r;
	for (int i = 0; i < r.n; i++)
		if constexpr (sizeof(T) == sizeof(float))
			r.w[i] = pool_better(a[i], b[i]) ? a.w[i] : b.w[i];
		else
			r.w[i] = word_of(__hmax2_nan(pair_of(a.w[i]), pair_of(b.w[i])));
	return r;
}

/* Rounds V values to type T. For bf16 one instruction rounds two values like narrow(), except for
 * the bits of a NaN. */
template <class T, int V> __device__ pack<T, V> rounded(const float (&values)[V])
{
	pack<T, V> p;
	for (int v = 0; v < V; v += 2) {
		if constexpr (sizeof(T) == sizeof(float))
			memcpy(p.v + v, values + v, (V > 1 ? 2 : 1) * sizeof(float));
		else {
			const uint32_t pair =
			    word_of(__floats2bfloat162_rn(values[v], V > 1 ? values[v + 1] : 0));
			memcpy(p.v + v, &pair, (V > 1 ? 2 : 1) * sizeof(T));
		}
	}
	return p;
}

/* This thread's share: V channels from c, and every blockDim.y-th row from `first` to `end` - 1,
 * counted over all groups. Past the last channel c is -1 and there are no rows. */
struct tile {
	int64_t c, first, end;
};

/* rows: rows per group. Groups are the grid's third dimension. */
template <int V> __device__ tile tile_of(int64_t C, int64_t rows, int64_t each)
{
	const int64_t c = ((int64_t)blockIdx.y * blockDim.x + threadIdx.x) * V,
	              first = (int64_t)blockIdx.x * each;
	const int64_t before = (int64_t)blockIdx.z * rows;
	return {c < C ? c : -1, before + first + threadIdx.y,
	    c < C ? before + min(first + each, rows) : 0};
}

/* Reads the constants of V channels, which are aligned to 16 bytes if V is 4 or more. */
template <int V>
__device__ void constants(float (&to)[V], const float *__restrict__ from, int64_t c)
{
	constexpr int at_once = V < 4 ? V : 4;
	for (int v = 0; v < V; v += at_once) {
		const pack<float, at_once> four =
		    c < 0 ? pack<float, at_once>{} : get<float, at_once>(from, c + v);
		for (int i = 0; i < at_once; i++)
			to[v + i] = four.v[i];
	}
}

/* Inputs of slope and offset, [groups][C] each; dmean or dvar NULL: zeros. n: rows per group. */
struct statistics_gradient {
	const float *mean, *dmean, *dvar;
	double n;
};

/* Computes slope and offset of V channels. Each channel of the block is computed by one thread and
 * shared with the others. */
template <int V>
__device__ void lines(
    float (&slope)[V], float (&offset)[V], const statistics_gradient &d, int64_t C)
{
	__shared__ float slopes[THREADS], offsets[THREADS];
	const int at = threadIdx.y * blockDim.x + threadIdx.x;
	const int64_t c = (int64_t)blockIdx.y * blockDim.x * V + at,
	              i = (int64_t)blockIdx.z * C + c;
	if (at < (int)blockDim.x * V)
		bn_line(d.dmean && c < C ? d.dmean[i] : 0, d.dvar && c < C ? d.dvar[i] : 0,
		    d.mean && c < C ? d.mean[i] : 0, d.n, slopes + at, offsets + at);
	__syncthreads();
	for (int v = 0; v < V; v++) {
		slope[v] = slopes[threadIdx.x * V + v];
		offset[v] = offsets[threadIdx.x * V + v];
	}
}

/* Calls take(integral_constant<int, n>, row) for n of this thread's rows at a time, so that it can
 * read n of each operand before using the first; the last rows are taken one by one. */
template <int n, class F> __device__ void each_row(const tile &of, F take)
{
	int64_t row = of.first;
	for (; row + (n - 1) * blockDim.y < of.end; row += n * blockDim.y)
		take(std::integral_constant<int, n>(), row);
	for (; row < of.end; row += blockDim.y)
		take(std::integral_constant<int, 1>(), row);
}

/* Adds the threads' sums over a block's rows by a tree reduction. Those of block b, channel c go to
 * workspace[b][0..1][c]; the blocks of a group are consecutive. */
template <int V>
__device__ void join_rows(
    float (&sum)[V], float (&square)[V], float *workspace, int64_t c, int64_t C)
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
	const int64_t block = (int64_t)blockIdx.z * gridDim.x + blockIdx.x;
	if (threadIdx.y == 0 && c >= 0)
		for (int i = 0; i < 2 * V; i++)
			workspace[(2 * block + i % 2) * C + c + i / 2] = sums[i][at];
}

inline dim3 blocks_of(const grid &g, int64_t groups)
{
	return dim3((unsigned)g.down, (unsigned)g.across, (unsigned)groups);
}

inline uintptr_t bits(const void *p)
{
	return (uintptr_t)p;
}

} // namespace

/* Chooses the kernel for x's type and for `vector` channels at once. */
#define CHOOSE(kernel, vector)                                                                     \
	(k->bf16          ? vector == 8   ? kernel<uint16_t, 8>                                    \
	                    : vector == 2 ? kernel<uint16_t, 2>                                    \
	                                  : kernel<uint16_t, 1>                                    \
	             : vector == 4 ? kernel<float, 4>                                              \
	    : vector == 2 ? kernel<float, 2>                                                       \
	                  : kernel<float, 1>)
#endif
