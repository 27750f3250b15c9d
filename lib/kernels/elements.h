/* The face of lib/kernels: passes over memory, as plain C that CPU and CUDA share.
 *
 * This header has the arithmetic of one element of each pass, written once: the loops of
 * bn-rows.c and pixel-rows.c call it, and so do the kernels of lib/cuda, which are thus
 * tested where no GPU is. A loop does a block of rows: lib/torch divides a tensor into blocks and
 * calls bn-rows.h (a BatchNorm with what follows it; pool-rows.c if that is a pool) and
 * pixel-rows.h (the learned images) from all threads. Memory is the caller's, and nothing is kept
 * between calls. Flags are constants where a CPU's loop calls these, so that no branch
 * is left in it. */
#ifndef FD2_ELEMENTS_H
#define FD2_ELEMENTS_H
#include <math.h>

#include "lib/kernels/bf16.h"
#include "lib/kernels/pixel-rows.h"

/* y = act(x scale + shift + residual); act, if it clamps, to [0, top]. */
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

/* dy where the activation let y pass, else 0. */
INLINE float bn_passed(float dy, float y, bool clamps, float top)
{
	return !clamps || (y > 0 && y < top) ? dy : 0;
}

INLINE float bn_gradient(float d, float x, float scale, float slope, float offset)
{
	return d * scale + slope * x + offset;
}

/* Mean and biased variance of n elements, from the sums of x - pivot and of its square. */
INLINE void bn_mean_var(double sum, double square, double n, float pivot, float *mean, float *var)
{
	double d = sum / n, spread = square / n - d * d;
	*mean = (float)(pivot + d);
	*var = (float)(spread > 0 ? spread : 0);
}

/* dmean / n + 2 dvar (x - mean) / n as slope x + offset. */
INLINE void bn_line(float dmean, float dvar, float mean, double n, float *slope, float *offset)
{
	*slope = (float)(2 * dvar / n);
	*offset = (float)(dmean / n - *slope * (double)mean);
}

enum { POOL_NONE = 9 };

/* Of n inputs along one side. */
INLINE int64_t pool_size(int64_t n)
{
	return (n + 1) / 2;
}

/* The windows first .. end-1 of n inputs that input p is in; its place in window o is p + 1 - 2
 * o. */
struct windows {
	int64_t first, end;
};

INLINE struct windows pool_windows(int64_t p, int64_t n)
{
	int64_t end = (p + 1) / 2 + 1, size = pool_size(n);
	struct windows w = {p / 2, end < size ? end : size};
	return w;
}

/* The first of equals stays; a NaN wins. */
INLINE bool pool_better(float v, float best)
{
	return v > best || v != v;
}

/* The least f32 that is stored as y > 0: half a step below if x is bf16, where a tie goes to the
 * even one. */
INLINE float pool_floor(float y, bool bf16)
{
	uint32_t u;
	memcpy(&u, &y, sizeof u);
	u -= bf16 ? 0x8000 - (u >> 16 & 1) : 0;
	memcpy(&y, &u, sizeof y);
	return y;
}

/* dy where it is from here, else 0; without a branch, which would keep the loops from being
 * vectorised. */
INLINE float pool_share(float dy, bool from_here)
{
	uint32_t u;
	memcpy(&u, &dy, sizeof u);
	u &= 0u - (uint32_t)from_here;
	memcpy(&dy, &u, sizeof dy);
	return dy;
}

/* The two neighbours of sample i of n, before flip and roll, in a box of `length` input pixels
 * from `start`. In f32, as torch's kernel computes them. */
INLINE struct tap view_tap(int32_t i, int32_t n, int32_t start, int32_t length)
{
	float at = (float)length / (float)n * ((float)i + 0.5f) - 0.5f;
	at = at > 0 ? at : 0;
	int32_t low = (int32_t)at, high = low + 1 < length ? low + 1 : low;
	float share = at - (float)low;
	struct tap t = {start + low, start + high, 1 - share, share};
	return t;
}

/* Where sample i is put. */
INLINE int32_t view_place(int32_t i, int32_t n, bool flip, int32_t roll)
{
	return (int32_t)(((uint32_t)(flip ? n - 1 - i : i) + (uint32_t)roll) % (uint32_t)n);
}

INLINE float view_mix(struct tap t, float a, float b)
{
	return t.wa * a + t.wb * b;
}

/* The weight of input pixel p in a sample; 0 if it is not read. */
INLINE float view_weight(struct tap t, int32_t p)
{
	return (t.a == p ? t.wa : 0) + (t.b == p ? t.wb : 0);
}

/* Every sample that reads input pixel p is within first .. end-1; some there may not. One more
 * on each side than the exact bounds, for the rounding of f32. */
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

/* m and v move on; the new x, not yet clamped. */
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
