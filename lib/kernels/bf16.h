/* Converts between float and bfloat16, which is stored as its 16 bits. */
#ifndef FD2_BF16_H
#define FD2_BF16_H
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/fast.h"

INLINE float widen(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
}

/* Rounds to nearest, ties to even; a NaN stays a NaN. */
INLINE uint16_t narrow(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	uint32_t rounded = u + 0x7fff + ((u >> 16) & 1);
	return (uint16_t)((f != f ? 0x7fc00000 : rounded) >> 16);
}

/* Returns element i of an array of f32 or bf16. */
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
#endif
