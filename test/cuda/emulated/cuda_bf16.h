/* The part of CUDA's header of this name that the kernels use. */
#ifndef FD2_EMULATED_BF16_H
#define FD2_EMULATED_BF16_H
#include "lib/torch/bf16.h"

struct __nv_bfloat162 {
	uint16_t x, y;
};

/* As a GPU rounds: every NaN becomes 0x7fff. */
inline __nv_bfloat162 __floats2bfloat162_rn(float a, float b)
{
	const auto round = [](float f) { return (uint16_t)(f != f ? 0x7fff : narrow(f)); };
	return {round(a), round(b)};
}
#endif
