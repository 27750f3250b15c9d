#include "lib/kernels/bn-rows.h"

#include "lib/kernels/elements.h"

/* Each combination of the flags is compiled to its own loop over the n channels from `from`. Fully
 * unrolled, the loop would not be vectorised. */
INLINE void forward_part(const struct bn_pass *k, int64_t at, int64_t from, int64_t n,
    float *restrict sum, float *restrict square, bool sums, bool bf16, bool adds, bool clamps)
{
	const float *restrict scale = k->scale, *restrict shift = k->shift,
	                      *restrict pivot = k->pivot, top = k->top;
	const void *restrict in = k->x, *restrict residual = k->residual;
	void *restrict out = k->y;
	INDEPENDENT
#pragma GCC unroll 1
	for (int64_t c = from; c < from + n; c++) {
		float x = load(in, at + c, bf16);
		float r = adds ? load(residual, at + c, bf16) : 0;
		store(out, at + c, bn_value(x, scale[c], shift[c], adds, r, clamps, top), bf16);
		if (sums) {
			float d = x - pivot[c];
			sum[c] += d;
			square[c] += d * d;
		}
	}
}

INLINE void sum_part(const struct bn_pass *k, int64_t at, int64_t from, int64_t n,
    float *restrict sum, float *restrict square, bool bf16)
{
	const float *restrict pivot = k->pivot;
	const void *restrict in = k->x;
	INDEPENDENT
#pragma GCC unroll 1
	for (int64_t c = from; c < from + n; c++) {
		float d = load(in, at + c, bf16) - pivot[c];
		sum[c] += d;
		square[c] += d * d;
	}
}

INLINE void gradient_sum_part(const struct bn_pass *k, int64_t at, int64_t from, int64_t n,
    float *restrict sum, float *restrict product, bool bf16, bool clamps)
{
	const float *restrict pivot = k->pivot, top = k->top;
	const void *restrict x = k->x, *restrict y = k->y, *restrict dy = k->dy;
	INDEPENDENT
#pragma GCC unroll 1
	for (int64_t c = from; c < from + n; c++) {
		float d = bn_passed(
		    load(dy, at + c, bf16), clamps ? load(y, at + c, bf16) : 0, clamps, top);
		sum[c] += d;
		product[c] += d * (load(x, at + c, bf16) - pivot[c]);
	}
}

INLINE void backward_part(
    const struct bn_pass *k, int64_t at, int64_t from, int64_t n, bool bf16, bool adds, bool clamps)
{
	const float *restrict scale = k->scale, *restrict slope = k->slope,
	                      *restrict offset = k->offset, top = k->top;
	const void *restrict x = k->x, *restrict y = k->y, *restrict dy = k->dy;
	void *restrict dx = k->dx, *restrict dresidual = k->dresidual;
	INDEPENDENT
#pragma GCC unroll 1
	for (int64_t c = from; c < from + n; c++) {
		float d = bn_passed(
		    load(dy, at + c, bf16), clamps ? load(y, at + c, bf16) : 0, clamps, top);
		if (adds)
			store(dresidual, at + c, d, bf16);
		store(dx, at + c,
		    bn_gradient(d, load(x, at + c, bf16), scale[c], slope[c], offset[c]), bf16);
	}
}

/* Processes channels by 32, 16 and 8 in loops of known length, which gcc vectorises whole; in a
 * loop of unknown length it would do the remainder one by one. */
#define ROWS(part, ...)                                                                            \
	for (int64_t C = k->C, at = first * C, end = at + rows * C; at < end; at += C) {           \
		int64_t c = 0;                                                                     \
		for (; c + 32 <= C; c += 32)                                                       \
			part(k, at, c, 32, __VA_ARGS__);                                           \
		for (; c + 16 <= C; c += 16)                                                       \
			part(k, at, c, 16, __VA_ARGS__);                                           \
		for (; c + 8 <= C; c += 8)                                                         \
			part(k, at, c, 8, __VA_ARGS__);                                            \
		for (; c < C; c++)                                                                 \
			part(k, at, c, 1, __VA_ARGS__);                                            \
	}
#define FORWARD(bf16, adds, clamps) ROWS(forward_part, sum, square, true, bf16, adds, clamps)
#define VALUES(bf16, adds, clamps) ROWS(forward_part, NULL, NULL, false, bf16, adds, clamps)
#define SUMS(bf16, adds, clamps) ROWS(sum_part, sum, square, bf16)
#define GRADIENT_SUMS(bf16, adds, clamps) ROWS(gradient_sum_part, sum, product, bf16, clamps)
#define BACKWARD(bf16, adds, clamps) ROWS(backward_part, bf16, adds, clamps)
#define CHOOSE(loop, bf16, adds, clamps)                                                           \
	do {                                                                                       \
		switch ((bf16) << 2 | (adds) << 1 | (clamps)) {                                    \
		case 0:                                                                            \
			loop(0, 0, 0);                                                             \
			break;                                                                     \
		case 1:                                                                            \
			loop(0, 0, 1);                                                             \
			break;                                                                     \
		case 2:                                                                            \
			loop(0, 1, 0);                                                             \
			break;                                                                     \
		case 3:                                                                            \
			loop(0, 1, 1);                                                             \
			break;                                                                     \
		case 4:                                                                            \
			loop(1, 0, 0);                                                             \
			break;                                                                     \
		case 5:                                                                            \
			loop(1, 0, 1);                                                             \
			break;                                                                     \
		case 6:                                                                            \
			loop(1, 1, 0);                                                             \
			break;                                                                     \
		default:                                                                           \
			loop(1, 1, 1);                                                             \
		}                                                                                  \
	} while (0)

FAST void bn_rows_forward(
    const struct bn_pass *k, int64_t first, int64_t rows, float *sum, float *square)
{
	CHOOSE(FORWARD, k->bf16, k->residual != NULL, k->top > 0);
}

FAST void bn_rows_backward(const struct bn_pass *k, int64_t first, int64_t rows)
{
	CHOOSE(BACKWARD, k->bf16, k->dresidual != NULL, k->top > 0);
}

FAST void bn_rows_values(const struct bn_pass *k, int64_t first, int64_t rows)
{
	CHOOSE(VALUES, k->bf16, k->residual != NULL, k->top > 0);
}

FAST void bn_rows_sums(
    const struct bn_pass *k, int64_t first, int64_t rows, float *sum, float *square)
{
	CHOOSE(SUMS, k->bf16, false, false);
}

FAST void bn_rows_gradient_sums(
    const struct bn_pass *k, int64_t first, int64_t rows, float *sum, float *product)
{
	CHOOSE(GRADIENT_SUMS, k->bf16, false, k->top > 0);
}
