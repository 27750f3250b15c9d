/* A frozen BatchNorm followed by a max pool. Values and winners equal, bit for bit, those of the
 * CPU's passes, which normalise every input, round it, and keep the first of the largest.
 *
 * A thread processes one window at a time, which has nine inputs around input (2 i, 2 j): place
 * `at` is row at / 3, column at % 3. A window owns four of them, all but its first row and column:
 * it adds these to the sums and writes their gradient. */
#ifndef FD2_POOL_H
#define FD2_POOL_H
#include "lib/cuda/channels.h"

namespace
{

constexpr const char *too_many = "too many pixels for one pass";

int64_t windows_of(const bn_pass *k, int64_t rows)
{
	return rows / (k->H * k->W) * pool_size(k->H) * pool_size(k->W);
}

/* Returns whether the sizes fit: kernels count windows and the elements of a line in 32 bits. */
bool pool_fits(const bn_pass *k, int64_t rows)
{
	return rows <= INT32_MAX && k->W * k->C <= INT32_MAX / 4;
}

/* Returns winner's address scaled to the size of x's elements, so that checking its alignment as
 * theirs allows as many bytes as elements to be read at once. */
uintptr_t winner_bits(const bn_pass *k)
{
	return k->pools ? bits(k->winner) * (k->bf16 ? 2 : 4) : 0;
}

struct window {
	int64_t y, x; /* index of this channel in y, and of the window's centre in x */
	bool above, left, right, below; /* whether the outer rows and columns are in the image */
	bool next, under;               /* whether there is a window to the right, and one below */
};

__device__ window window_at(const bn_pass &k, int64_t row, int64_t c)
{
	const uint32_t h = (uint32_t)pool_size(k.H), w = (uint32_t)pool_size(k.W),
	               line = (uint32_t)row / w;
	const int64_t image = line / h, i = line % h, j = (uint32_t)row % w;
	return {row * k.C + c, ((image * k.H + 2 * i) * k.W + 2 * j) * k.C + c, i > 0, j > 0,
	    2 * j + 1 < k.W, 2 * i + 1 < k.H, j + 1 < w, i + 1 < h};
}

__device__ bool has(const window &in, int at)
{
	return (at / 3 != 0 || in.above) && (at % 3 != 0 || in.left) && (at % 3 != 2 || in.right) &&
	       (at / 3 != 2 || in.below);
}

/* Returns the distance of a place from the window's centre, in elements of x. */
__device__ int offset_of(const bn_pass &k, int at)
{
	const int C = (int)k.C, line = (int)k.W * C;
	return (at / 3 - 1) * line + (at % 3 - 1) * C;
}

/* Returns the place of a window's n-th own input: row n / 2, column n % 2 of the four. */
INLINE int own_place(int n)
{
	return 4 + 3 * (n / 2) + n % 2;
}

template <int V> struct best {
	float y[V];
	int at[V];
};

/* Compares the nine values one after the other, like the CPU. */
template <class T, int V>
__device__ best<V> best_of_nine(
    const bn_pass &k, const window &in, const float (&scale)[V], const float (&shift)[V])
{
	best<V> b = {};
	for (float &y : b.y)
		y = -INFINITY;
	ROLLED
	for (int at = 0; at < 9; at++) {
		if (!has(in, at))
			continue;
		const words<T, V> x = get<T, V>((const T *)k.x + in.x, offset_of(k, at));
		float value[V];
		for (int v = 0; v < V; v++)
			value[v] = bn_value(x[v], scale[v], shift[v], false, 0, k.top > 0, k.top);
		const words<T, V> kept = rounded<T>(value);
		for (int v = 0; v < V; v++) {
			const bool better = pool_better(kept[v], b.y[v]);
			b.y[v] = better ? kept[v] : b.y[v];
			b.at[v] = better ? at : b.at[v];
		}
	}
	return b;
}

/* Returns whether best_by_order can be used.
 *
 * If scale is finite and not 0, and shift is finite, x * scale + shift is a NaN only if x is one,
 * and it is monotonic in x, rising or falling with scale's sign; rounding and clamping preserve
 * both. So the largest y comes from the largest x, or from the smallest. If several x give that y,
 * the first of them wins: those whose value is at least pool_floor(y). A shift of -0 is excluded
 * because y could be 0 or -0; without a clamp a sum could round to either. */
template <int V>
__device__ bool keeps_order(const float (&scale)[V], const float (&shift)[V], float top)
{
	bool keeps = top > 0;
	for (int v = 0; v < V; v++)
		keeps = keeps && fabsf(scale[v]) > 0 && fabsf(scale[v]) < INFINITY &&
		        fabsf(shift[v]) < INFINITY && !(shift[v] == 0 && signbit(shift[v]));
	return keeps;
}

/* Returns the sign bits to flip in x so that it is ordered like x * scale. */
template <class T, int V> __device__ words<T, V> flips(const float (&scale)[V])
{
	float sign[V];
	for (int v = 0; v < V; v++)
		sign[v] = scale[v] < 0 ? -0.0f : 0;
	return rounded<T>(sign);
}

/* Finds the best of nine with one normalisation: first the largest x * scale, then the first x that
 * gives the same y. x outside the image is -INFINITY times the sign of scale. If an x is a NaN, so
 * is y, and nothing passes. */
template <class T, int V>
__device__ best<V> best_by_order(const words<T, V> (&x)[9], const words<T, V> &flip,
    const float (&scale)[V], const float (&shift)[V], float top)
{
	words<T, V> most = x[0] ^ flip;
	UNROLL
	for (int at = 1; at < 9; at++)
		most = larger(most, x[at] ^ flip);
	most = most ^ flip;
	best<V> b = {};
	float least[V];
	for (int v = 0; v < V; v++)
		b.y[v] = bn_value(most[v], scale[v], shift[v], false, 0, true, top);
	const words<T, V> kept = rounded<T>(b.y);
	for (int v = 0; v < V; v++) {
		b.y[v] = kept[v];
		least[v] = pool_floor(kept[v], sizeof(T) == 2);
	}
	UNROLL
	for (int at = 8; at >= 0; at--)
		for (int v = 0; v < V; v++)
			b.at[v] =
			    bn_value(x[at][v], scale[v], shift[v], false, 0, false, 0) >= least[v]
			        ? at
			        : b.at[v];
	return b;
}

/* rows: number of windows. */
template <class T, int V>
__global__ void __launch_bounds__(THREADS)
    pool_forward(bn_pass k, int64_t rows, int64_t each, float *workspace)
{
	const auto [c, first, end] = tile_of<V>(k.C, rows, each);
	float sum[V] = {}, square[V] = {}, scale[V], shift[V], pivot[V], lowest[V];
	constants<V>(scale, k.scale, c);
	constants<V>(shift, k.shift, c);
	constants<V>(pivot, k.pivot, c);
	for (float &v : lowest)
		v = -INFINITY;
	const bool keeps = keeps_order(scale, shift, k.top);
	const words<T, V> flip = flips<T>(scale), outside = words<T, V>(rounded<T>(lowest)) ^ flip;
	for (int64_t row = first; row < end; row += blockDim.y) {
		const window in = window_at(k, row, c);
		words<T, V> x[9];
		UNROLL
		for (int at = 0; at < 9; at++)
			x[at] =
			    has(in, at)
			        ? words<T, V>(get<T, V>((const T *)k.x + in.x, offset_of(k, at)))
			        : outside;
		UNROLL
		for (int n = 0; n < 4; n++) {
			if (!workspace || !has(in, own_place(n)))
				continue;
			const words<T, V> &own = x[own_place(n)];
			for (int v = 0; v < V; v++) {
				const float d = own[v] - pivot[v];
				sum[v] += d;
				square[v] += d * d;
			}
		}
		const best<V> b = keeps ? best_by_order<T, V>(x, flip, scale, shift, k.top)
		                        : best_of_nine<T, V>(k, in, scale, shift);
		pack<uint8_t, V> winner;
		for (int v = 0; v < V; v++)
			winner.v[v] = bn_passed(1, b.y[v], k.top > 0, k.top) > 0
			                  ? (uint8_t)b.at[v]
			                  : (uint8_t)POOL_NONE;
		set<T, V>(k.y, in.y, rounded<T>(b.y));
		set<uint8_t, V>(k.winner, in.y, winner);
	}
	if (workspace)
		join_rows<V>(sum, square, workspace, c, k.C);
}

/* rows: number of windows. Computes the gradient of each window's own four inputs, some of which
 * are also in the windows to the right and below. */
template <class T, int V>
__global__ void __launch_bounds__(THREADS)
    pool_backward(bn_pass k, int64_t rows, int64_t each, statistics_gradient statistics)
{
	const auto [c, first, end] = tile_of<V>(k.C, rows, each);
	const int down = (int)pool_size(k.W) * (int)k.C; /* elements of y to the window below */
	float scale[V], slope[V], offset[V];
	constants<V>(scale, k.scale, c);
	lines<V>(slope, offset, statistics, k.C);
	for (int64_t row = first; row < end; row += blockDim.y) {
		const window in = window_at(k, row, c);
		float d[4][V] = {};
		UNROLL
		for (int from = 0; from < 4; from++) {
			const int s = from / 2, t = from % 2;
			if ((s && !in.under) || (t && !in.next))
				continue;
			const int at = s * down + t * (int)k.C;
			const words<T, V> dy = get<T, V>((const T *)k.dy + in.y, at);
			const pack<uint8_t, V> winner = get<uint8_t, V>(k.winner + in.y, at);
			UNROLL
			for (int to = 0; to < 4; to++) {
				if (to / 2 < s || to % 2 < t)
					continue;
				const int place = own_place(to) - 6 * s - 2 * t;
				for (int v = 0; v < V; v++)
					d[to][v] += pool_share(dy[v], winner.v[v] == place);
			}
		}
		UNROLL
		for (int to = 0; to < 4; to++) {
			if (!has(in, own_place(to)))
				continue;
			const int at = offset_of(k, own_place(to));
			const words<T, V> x = get<T, V>((const T *)k.x + in.x, at),
			                  kept = rounded<T>(d[to]);
			float dx[V];
			for (int v = 0; v < V; v++)
				dx[v] = bn_gradient(kept[v], x[v], scale[v], slope[v], offset[v]);
			set<T, V>((T *)k.dx + in.x, at, rounded<T>(dx));
		}
	}
}

} // namespace
#endif
