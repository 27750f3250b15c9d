/* The face of lib/kernels: passes over memory in plain C. CPU and CUDA share their arithmetic.
 *
 * This header computes one element of each pass. The loops of bn-rows.c and pixel-rows.c call it,
 * and so do the kernels of lib/cuda, whose arithmetic is thus tested without a GPU. Each loop
 * processes a block of rows: lib/torch divides a tensor into blocks and calls bn-rows.h (a
 * BatchNorm with what follows it; pool-rows.c if that is a pool) and pixel-rows.h (the learned
 * images) from all threads. The caller owns all memory, and only a pool's workspace keeps anything
 * between calls. The CPU's loops pass flags as constants, so that no branch remains in them. */
#ifndef FD2_ELEMENTS_H
#define FD2_ELEMENTS_H
#include <math.h>

#include "lib/kernels/bf16.h"
#include "lib/kernels/pixel-rows.h"

/* Returns y = act(x scale + shift + residual); act clamps to [0, top] if `clamps`. */
INLINE float bn_value(
    float x, float scale, float shift, bool adds, float residual, bool clamps, float top)
{
	float y = x * scale + shift;
	if (adds)
		y += residual;
	if (clamps)
		y = y < 0 ? 0 : y > top ? top : y;
	return y;
}

/* Returns dy if the activation let y pass, else 0. */
INLINE float bn_passed(float dy, float y, bool clamps, float top)
{
	return !clamps || (y > 0 && y < top) ? dy : 0;
}

INLINE float bn_gradient(float d, float x, float scale, float slope, float offset)
{
	return d * scale + slope * x + offset;
}

/* Computes the mean and biased variance of n elements from the sums of x - pivot and of its
 * square. */
INLINE void bn_mean_var(double sum, double square, double n, float pivot, float *mean, float *var)
{
	double d = sum / n, spread = square / n - d * d;
	*mean = (float)(pivot + d);
	*var = (float)(spread > 0 ? spread : 0);
}

/* Computes slope and offset, so that slope x + offset = dmean / n + 2 dvar (x - mean) / n. */
INLINE void bn_line(float dmean, float dvar, float mean, double n, float *slope, float *offset)
{
	*slope = (float)(2 * dvar / n);
	*offset = (float)(dmean / n - *slope * (double)mean);
}

enum { POOL_NONE = 9 };

/* Returns the number of windows over n inputs along one side. */
INLINE int64_t pool_size(int64_t n)
{
	return (n + 1) / 2;
}

/* Of the windows over n inputs, first .. end-1 contain input p; its place in window o is
 * p + 1 - 2 o. */
struct windows {
	int64_t first, end;
};

INLINE struct windows pool_windows(int64_t p, int64_t n)
{
	int64_t end = (p + 1) / 2 + 1, size = pool_size(n);
	struct windows w = {p / 2, end < size ? end : size};
	return w;
}

/* Returns whether v replaces `best`. Among equals the first wins; a NaN always does. */
INLINE bool pool_better(float v, float best)
{
	return v > best || v != v;
}

/* Returns the smallest f32 that is stored as y > 0. For bf16 this is half a step below y, or just
 * above that if the tie rounds to the even value below. */
INLINE float pool_floor(float y, bool bf16)
{
	uint32_t u;
	memcpy(&u, &y, sizeof u);
	u -= bf16 ? 0x8000 - (u >> 16 & 1) : 0;
	memcpy(&y, &u, sizeof y);
	return y;
}

/* Returns dy if `from_here`, else 0, without a branch, which would prevent vectorisation. */
INLINE float pool_share(float dy, bool from_here)
{
	uint32_t u;
	memcpy(&u, &dy, sizeof u);
	u &= 0u - (uint32_t)from_here;
	memcpy(&dy, &u, sizeof dy);
	return dy;
}

/* Returns the two input pixels that sample i of n mixes, before flip and roll, from a box of
 * `length` pixels at `start`. Computed in f32, like torch's kernel. */
INLINE struct tap view_tap(int32_t i, int32_t n, int32_t start, int32_t length)
{
	float at = (float)length / (float)n * ((float)i + 0.5f) - 0.5f;
	at = at > 0 ? at : 0;
	int32_t low = (int32_t)at, high = low + 1 < length ? low + 1 : low;
	float share = at - (float)low;
	struct tap t = {start + low, start + high, 1 - share, share};
	return t;
}

/* Returns the output position of sample i. */
INLINE int32_t view_place(int32_t i, int32_t n, bool flip, int32_t roll)
{
	return (int32_t)(((uint32_t)(flip ? n - 1 - i : i) + (uint32_t)roll) % (uint32_t)n);
}

INLINE float view_mix(struct tap t, float a, float b)
{
	return t.wa * a + t.wb * b;
}

/* Returns the weight of input pixel p in a sample; 0 if the sample does not read it. */
INLINE float view_weight(struct tap t, int32_t p)
{
	return (t.a == p ? t.wa : 0) + (t.b == p ? t.wb : 0);
}

/* All samples that read input pixel p are in first .. end-1, but some of these may not read it: the
 * bounds are one wider on each side, to allow for f32 rounding. */
struct readers {
	int32_t first, end;
};

INLINE struct readers view_readers(int32_t p, int32_t n, int32_t start, int32_t length)
{
	struct readers r = {0, 0};
	if (p < start || p >= start + length)
		return r;
	float per = (float)n / (float)length, at = (float)(p - start);
	int32_t first = (int32_t)((at - 0.5f) * per - 0.5f) - 1,
	        end = (int32_t)((at + 1.5f) * per - 0.5f) + 2;
	r.first = first > 0 ? first : 0;
	r.end = end < n ? end : n;
	return r;
}

/* Updates m and v; returns the new x, not yet clamped. */
INLINE float adam_move(float beta1, float beta2, float eps, float rate, float root, float x,
    float g, float *m, float *v)
{
	*m = beta1 * *m + (1 - beta1) * g;
	*v = beta2 * *v + (1 - beta2) * g * g;
	return x - rate * *m / (root * sqrtf(*v) + eps);
}

INLINE float within(float x, float lo, float hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}
#endif
