#include "formats/weights/state-type.h"

#include <string.h>

static const struct {
	const char *name;
	size_t size;
	enum dtype read_as;
} types[STATE_TYPES] = {
    [STATE_F16] = {"F16", 2, DT_F16},
    [STATE_BF16] = {"BF16", 2, DT_F32},
    [STATE_F32] = {"F32", 4, DT_F32},
    [STATE_F64] = {"F64", 8, DT_F64},
    [STATE_I8] = {"I8", 1, DT_I32},
    [STATE_U8] = {"U8", 1, DT_U8},
    [STATE_I16] = {"I16", 2, DT_I32},
    [STATE_U16] = {"U16", 2, DT_I32},
    [STATE_I32] = {"I32", 4, DT_I32},
    [STATE_U32] = {"U32", 4, DT_I64},
    [STATE_I64] = {"I64", 8, DT_I64},
    [STATE_BOOL] = {"BOOL", 1, DT_BOOL},
};

size_t state_type_size(enum state_type t)
{
	return types[t].size;
}

enum dtype state_type_read_as(enum state_type t)
{
	return types[t].read_as;
}

enum state_type state_type_named(const char *safetensors)
{
	int t = 0;
	while (t < STATE_TYPES && strcmp(types[t].name, safetensors) != 0)
		t++;
	return (enum state_type)t;
}

const char *state_type_name(enum dtype t)
{
	int i = 0;
	while (types[i].read_as != t || types[i].size != fd2_dtype_size(t))
		i++;
	return types[i].name;
}

#define CONVERT(to_type, from_type, expression)                                                    \
	for (size_t i = 0; i < n; i++) {                                                           \
		from_type v = ((const from_type *)from)[i];                                        \
		((to_type *)to)[i] = expression;                                                   \
	}                                                                                          \
	break

void state_type_convert(enum state_type t, void *to, const void *from, size_t n)
{
	switch (t) {
	case STATE_BF16: /* the upper half of an f32 */
		CONVERT(uint32_t, uint16_t, (uint32_t)v << 16);
	case STATE_I8:
		CONVERT(int32_t, int8_t, v);
	case STATE_I16:
		CONVERT(int32_t, int16_t, v);
	case STATE_U16:
		CONVERT(int32_t, uint16_t, v);
	case STATE_U32:
		CONVERT(int64_t, uint32_t, v);
	case STATE_BOOL:
		CONVERT(uint8_t, uint8_t, v != 0);
	default:
		if (n)
			memcpy(to, from, n * types[t].size);
	}
}
