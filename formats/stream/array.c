/* Dense arrays: types, elements, ownership. */
#include <stdlib.h>
#include <string.h>

#include "formats/stream/dtype.h"

static const struct {
	const char *name, *numpy;
	size_t size;
} types[] = {
    [DT_F16] = {"f16", "<f2", 2},
    [DT_F32] = {"f32", "<f4", 4},
    [DT_F64] = {"f64", "<f8", 8},
    [DT_I32] = {"i32", "<i4", 4},
    [DT_I64] = {"i64", "<i8", 8},
    [DT_U8] = {"u8", "|u1", 1},
    [DT_BOOL] = {"bool", "|b1", 1},
};

size_t fd2_dtype_size(enum dtype t)
{
	return types[t].size;
}

const char *fd2_dtype_name(enum dtype t)
{
	return types[t].name;
}

const char *dtype_numpy(enum dtype t)
{
	return types[t].numpy;
}

int64_t fd2_array_count(const struct array *a)
{
	return (int64_t)(a->size / fd2_dtype_size(a->dtype));
}

static double half(uint16_t bits)
{
	uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31,
	         fraction = bits & 1023;
	if (!exponent)
		return (sign ? -1 : 1) * (double)fraction /
		       16777216.0; /* subnormal: fraction * 2^-24 */
	uint32_t word = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
	float f;
	memcpy(&f, &word, sizeof f);
	return f;
}

double fd2_array_at(const struct array *a, int64_t i)
{
	const void *d = a->data;
	switch (a->dtype) {
	case DT_F16:
		return half(((const uint16_t *)d)[i]);
	case DT_F32:
		return ((const float *)d)[i];
	case DT_F64:
		return ((const double *)d)[i];
	case DT_I32:
		return ((const int32_t *)d)[i];
	case DT_I64:
		return (double)((const int64_t *)d)[i];
	case DT_U8:
	case DT_BOOL:
		return ((const uint8_t *)d)[i];
	}
	return 0;
}

/* NaN and infinity are the values whose exponent has all bits set. */
bool halves_finite(const uint16_t *v, int64_t n)
{
	int64_t bad = 0;
	for (int64_t i = 0; i < n; i++)
		bad += (v[i] & 0x7c00) == 0x7c00;
	return !bad;
}

bool array_finite(const struct array *a)
{
	const uint32_t *f32 = a->data;
	const uint64_t *f64 = a->data;
	int64_t n = fd2_array_count(a), bad = 0;
	if (a->dtype == DT_F16)
		return halves_finite(a->data, n);
	for (int64_t i = 0; a->dtype == DT_F32 && i < n; i++)
		bad += (f32[i] & 0x7f800000) == 0x7f800000;
	for (int64_t i = 0; a->dtype == DT_F64 && i < n; i++)
		bad += (f64[i] & 0x7ff0000000000000) == 0x7ff0000000000000;
	return !bad;
}

void fd2_array_free(struct array *a)
{
	free(a->name);
	free(a->data);
	*a = (struct array){0};
}
