/* The part of CUDA's header of this name that the kernels use. */
#ifndef FD2_EMULATED_BF16_H
#define FD2_EMULATED_BF16_H
#include "lib/kernels/bf16.h"

struct __nv_bfloat162 {
	uint16_t x, y;
};

/* As a GPU rounds: every NaN becomes 0x7fff. */
inline __nv_bfloat162 __floats2bfloat162_rn(float a, float b)
{
	const auto round = [](float f) { return (uint16_t)(f != f ? 0x7fff : narrow(f)); };
	return {round(a), round(b)};
}

/* The larger of each half; a NaN wins, and 0 is more than -0. */
inline __nv_bfloat162 __hmax2_nan(__nv_bfloat162 a, __nv_bfloat162 b)
{
	const auto larger = [](uint16_t u, uint16_t v) {
		const float x = widen(u), y = widen(v);
		return (uint16_t)(x != x || y != y ? 0x7fff : x > y || (x == y && v >> 15) ? u : v);
	};
	return {larger(a.x, b.x), larger(a.y, b.y)};
}
#endif
