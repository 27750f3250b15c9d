/* What the kernels over x [rows][C] share: a thread keeps to V neighbouring channels, which it
 * reads and writes at once (grid.h). */
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

/* V neighbouring elements, of f32 or bf16 (as its bits), read and written at once. */
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

/* Two bf16 in the halves of a word. */
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

/* V elements as 32-bit words, so that two of bf16 go through one instruction. */
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

/* The larger of each two elements; a NaN wins. */
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

/* V values as elements of type T. To bf16, narrow() is one instruction for two; only the bits of
 * a NaN differ. */
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

/* What is this thread's: V channels from c, and every blockDim.y-th row from `first` to before
 * `end`, counted over all groups. c is -1 where the channels end, and there are no rows. */
struct tile {
	int64_t c, first, end;
};

/* rows: of each group, which is the grid's third dimension. */
template <int V> __device__ tile tile_of(int64_t C, int64_t rows, int64_t each)
{
	const int64_t c = ((int64_t)blockIdx.y * blockDim.x + threadIdx.x) * V,
	              first = (int64_t)blockIdx.x * each;
	const int64_t before = (int64_t)blockIdx.z * rows;
	return {c < C ? c : -1, before + first + threadIdx.y,
	    c < C ? before + min(first + each, rows) : 0};
}

/* V channels' constants; where V is 4 or more they begin at a multiple of 16 bytes. */
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

/* What slope and offset are made of, [groups][C] each; dmean and dvar NULL: zeros. n: rows of a
 * group. */
struct statistics_gradient {
	const float *mean, *dmean, *dvar;
	double n;
};

/* slope and offset of V channels. Every channel of the block is one thread's. */
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

/* take(integral_constant<int, n>, row): n of this thread's rows from `row`, so that n of each
 * operand are read before the first is used; one by one at the end. */
template <int n, class F> __device__ void each_row(const tile &of, F take)
{
	int64_t row = of.first;
	for (; row + (n - 1) * blockDim.y < of.end; row += n * blockDim.y)
		take(std::integral_constant<int, n>(), row);
	for (; row < of.end; row += blockDim.y)
		take(std::integral_constant<int, 1>(), row);
}

/* The sums of a block's rows: each thread's, then halves onto halves. Those of block b, channel
 * c go to workspace[b][0..1][c], the blocks of a group following one another. */
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

/* The kernel for x's type and for `vector` channels at once. */
#define CHOOSE(kernel, vector)                                                                     \
	(k->bf16          ? vector == 8   ? kernel<uint16_t, 8>                                    \
	                    : vector == 2 ? kernel<uint16_t, 2>                                    \
	                                  : kernel<uint16_t, 1>                                    \
	             : vector == 4 ? kernel<float, 4>                                              \
	    : vector == 2 ? kernel<float, 2>                                                       \
	                  : kernel<float, 1>)
#endif
