/* A frozen BatchNorm with a max pool behind it: every input of a window is normalised anew where it is read, which costs less than
 * keeping it. Values and winners are the bits of the CPU's passes. */
#ifndef FD2_POOL_H
#define FD2_POOL_H
#include "lib/cuda/channels.h"

namespace
{

constexpr const char *too_many = "too many pixels for one pass";

int64_t windows_of(const frozen_bn *k, int64_t rows)
{
	return rows / (k->H * k->W) * pool_size(k->H) * pool_size(k->W);
}

/* An array of bytes may be read by as many elements as one of x's type at this address. */
uintptr_t winner_bits(const frozen_bn *k)
{
	return k->pools ? bits(k->winner) * (k->bf16 ? 2 : 4) : 0;
}

/* Row r of [images][h][w]. */
struct pixel {
	int64_t image, i, j;
};

__device__ pixel pixel_of(int64_t r, int64_t h, int64_t w)
{
	const uint32_t row = (uint32_t)r, high = (uint32_t)h, wide = (uint32_t)w, line = row / wide;
	return {line / high, line % high, row % wide};
}

/* rows: windows. Each sums up the inputs that no window before it has: all but its first row and column. */
template <class T, int V>
__global__ void __launch_bounds__(THREADS) pool_forward(frozen_bn k, int64_t rows, int64_t each, float *room)
{
	const auto [c, first, end] = lot_of<V>(k.C, rows, each);
	const bool clamps = k.top > 0;
	float sum[V] = {}, square[V] = {}, scale[V], shift[V], pivot[V];
	constants<V>(scale, k.scale, c);
	constants<V>(shift, k.shift, c);
	constants<V>(pivot, k.pivot, c);
	for (int64_t row = first; row < end; row += blockDim.y) {
		const pixel p = pixel_of(row, pool_size(k.H), pool_size(k.W));
		pack<uint8_t, V> winner = {};
		float best[V] = {};
		bool found = false;
		for (int at = 0; at < 9; at++) {
			const int64_t i = 2 * p.i - 1 + at / 3, j = 2 * p.j - 1 + at % 3;
			if (i < 0 || i >= k.H || j < 0 || j >= k.W)
				continue;
			const pack<T, V> x = get<T, V>(k.x, ((p.image * k.H + i) * k.W + j) * k.C + c);
			const bool own = at / 3 > 0 && at % 3 > 0;
			float value[V];
			for (int v = 0; v < V; v++) {
				const float in = wide(x.v[v]), d = in - pivot[v];
				sum[v] += own ? d : 0;
				square[v] += own ? d * d : 0;
				value[v] = frozen_value(in, scale[v], shift[v], false, 0, clamps, k.top);
			}
			const pack<T, V> kept = rounded<T>(value);
			for (int v = 0; v < V; v++) {
				const float a = wide(kept.v[v]);
				const bool better = !found || pool_better(a, best[v]);
				best[v] = better ? a : best[v];
				winner.v[v] = better ? at : winner.v[v];
			}
			found = true;
		}
		for (int v = 0; v < V; v++)
			winner.v[v] = frozen_through(1, best[v], clamps, k.top) > 0 ? winner.v[v] : (uint8_t)POOL_NONE;
		set<T, V>(k.y, row * k.C + c, rounded<T>(best));
		set<uint8_t, V>(k.winner, row * k.C + c, winner);
	}
	if (room)
		join_rows<V>(sum, square, room, c, k.C);
}

/* rows: pixels of x, each of which asks the windows that it is in. */
template <class T, int V> __global__ void __launch_bounds__(THREADS) pool_backward(frozen_bn k, int64_t rows, int64_t each)
{
	const auto [c, first, end] = lot_of<V>(k.C, rows, each);
	float scale[V], slope[V], offset[V];
	constants<V>(scale, k.scale, c);
	constants<V>(slope, k.slope, c);
	constants<V>(offset, k.offset, c);
	for (int64_t row = first; row < end; row += blockDim.y) {
		const pixel p = pixel_of(row, k.H, k.W);
		const windows down = pool_windows(p.i, k.H), across = pool_windows(p.j, k.W);
		const pack<T, V> x = get<T, V>(k.x, row * k.C + c);
		float d[V] = {}, dx[V];
		for (int64_t i = down.first; i < down.end; i++)
			for (int64_t j = across.first; j < across.end; j++) {
				const int64_t from = ((p.image * pool_size(k.H) + i) * pool_size(k.W) + j) * k.C + c;
				const int at = (int)(3 * (p.i + 1 - 2 * i) + (p.j + 1 - 2 * j));
				const pack<T, V> dy = get<T, V>(k.dy, from);
				const pack<uint8_t, V> winner = get<uint8_t, V>(k.winner, from);
				for (int v = 0; v < V; v++)
					d[v] += pool_share(wide(dy.v[v]), winner.v[v] == at);
			}
		const pack<T, V> kept = rounded<T>(d);
		for (int v = 0; v < V; v++)
			dx[v] = frozen_gradient(wide(kept.v[v]), wide(x.v[v]), scale[v], slope[v], offset[v]);
		set<T, V>(k.dx, row * k.C + c, rounded<T>(dx));
	}
}

} // namespace
#endif
