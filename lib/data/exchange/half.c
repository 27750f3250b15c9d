#include "lib/data/exchange/half.h"

#include <math.h>

#include "formats/stream/stream.h"

/* Computes the bits directly: all results are 0 or normal numbers up to 1. */
uint16_t byte_to_half(uint8_t k)
{
	int exponent;
	double fraction = frexp(k / 255.0, &exponent);
	return k ? (uint16_t)(((exponent + 14) << 10) + (lrint(fraction * 2048) - 1024)) : 0;
}

int half_to_byte(uint16_t bits)
{
	struct array a = {.dtype = DT_F16, .size = sizeof bits, .data = &bits};
	double v = fd2_array_at(&a, 0);
	return isnan(v) ? -1 : v >= 0 && v <= 1 ? (int)(255 * v + 0.5) : v > 1 ? 255 : 0;
}
