#include "lib/torch/frozen-rows.h"

#include <math.h>
#include <string.h>

/* gcc vectorises these loops; it makes a version for each of these processors and picks one when the program starts. */
#if defined __clang__ || defined __SANITIZE_ADDRESS__
#define FAST
#elif defined __x86_64__
#define FAST __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default"), optimize("O3")))
#else
#define FAST __attribute__((optimize("O3")))
#endif
#define INLINE static inline __attribute__((always_inline))

INLINE float widen(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
}

/* Rounds to the nearest, ties to even; a NaN stays one. */
INLINE uint16_t narrow(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
	return (uint16_t)(f != f ? 0x7fc0 : rounded);
}

INLINE float load(const void *p, int64_t i, bool bf16)
{
	return bf16 ? widen(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

INLINE void store(void *p, int64_t i, float v, bool bf16)
{
	if (bf16)
		((uint16_t *)p)[i] = narrow(v);
	else
		((float *)p)[i] = v;
}

/* Each combination of the flags becomes a loop of its own. */
INLINE void forward_row(
    const struct frozen_bn *k, int64_t at, float *restrict sum, float *restrict square, bool bf16, bool adds, bool clamps)
{
	const float *restrict scale = k->scale, *restrict shift = k->shift, *restrict pivot = k->pivot;
	for (int64_t c = 0; c < k->C; c++) {
		float x = load(k->x, at + c, bf16), d = x - pivot[c];
		float y = x * scale[c] + shift[c];
		if (adds)
			y += load(k->residual, at + c, bf16);
		if (clamps)
			y = y < 0 ? 0 : y > k->top ? k->top : y;
		store(k->y, at + c, y, bf16);
		sum[c] += d;
		square[c] += d * d;
	}
}

INLINE void backward_row(const struct frozen_bn *k, int64_t at, bool bf16, bool adds, bool clamps)
{
	const float *restrict scale = k->scale, *restrict slope = k->slope, *restrict offset = k->offset;
	for (int64_t c = 0; c < k->C; c++) {
		float d = load(k->dy, at + c, bf16);
		if (clamps) {
			float y = load(k->y, at + c, bf16);
			d = y > 0 && y < k->top ? d : 0;
		}
		if (adds)
			store(k->dresidual, at + c, d, bf16);
		store(k->dx, at + c, d * scale[c] + slope[c] * load(k->x, at + c, bf16) + offset[c], bf16);
	}
}

#define ROWS(call)                                                                                                                 \
	for (int64_t at = first * k->C, end = at + rows * k->C; at < end; at += k->C)                                              \
	call
#define FORWARD(bf16, adds, clamps) ROWS(forward_row(k, at, sum, square, bf16, adds, clamps))
#define BACKWARD(bf16, adds, clamps) ROWS(backward_row(k, at, bf16, adds, clamps))
#define CHOOSE(loop, bf16, adds, clamps)                                                                                           \
	switch ((bf16) << 2 | (adds) << 1 | (clamps)) {                                                                            \
	case 0:                                                                                                                    \
		loop(0, 0, 0);                                                                                                     \
		break;                                                                                                             \
	case 1:                                                                                                                    \
		loop(0, 0, 1);                                                                                                     \
		break;                                                                                                             \
	case 2:                                                                                                                    \
		loop(0, 1, 0);                                                                                                     \
		break;                                                                                                             \
	case 3:                                                                                                                    \
		loop(0, 1, 1);                                                                                                     \
		break;                                                                                                             \
	case 4:                                                                                                                    \
		loop(1, 0, 0);                                                                                                     \
		break;                                                                                                             \
	case 5:                                                                                                                    \
		loop(1, 0, 1);                                                                                                     \
		break;                                                                                                             \
	case 6:                                                                                                                    \
		loop(1, 1, 0);                                                                                                     \
		break;                                                                                                             \
	default:                                                                                                                   \
		loop(1, 1, 1);                                                                                                     \
	}

FAST void frozen_bn_forward(const struct frozen_bn *k, int64_t first, int64_t rows, float *sum, float *square){
    CHOOSE(FORWARD, k->bf16, k->residual != NULL, k->top > 0)}

FAST void frozen_bn_backward(const struct frozen_bn *k, int64_t first, int64_t rows)
{
	CHOOSE(BACKWARD, k->bf16, k->dresidual != NULL, k->top > 0)
}
