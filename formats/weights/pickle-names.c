#include "formats/weights/pickle-names.h"

#include <stdbool.h>
#include <string.h>

static const struct pickle_name known[] = {
    {"collections", "OrderedDict", ROLE_DICT},
    {"torch._utils", "_rebuild_tensor_v2", ROLE_TENSOR},
    {"torch._utils", "_rebuild_tensor", ROLE_TENSOR},
    {"torch._utils", "_rebuild_parameter", ROLE_FIRST},
    {"torch.nn.parameter", "Parameter", ROLE_FIRST},
    {"torch", "Size", ROLE_FIRST},
    {"torch", "HalfStorage", ROLE_STORAGE, STATE_F16},
    {"torch", "BFloat16Storage", ROLE_STORAGE, STATE_BF16},
    {"torch", "FloatStorage", ROLE_STORAGE, STATE_F32},
    {"torch", "DoubleStorage", ROLE_STORAGE, STATE_F64},
    {"torch", "CharStorage", ROLE_STORAGE, STATE_I8},
    {"torch", "ByteStorage", ROLE_STORAGE, STATE_U8},
    {"torch", "ShortStorage", ROLE_STORAGE, STATE_I16},
    {"torch", "IntStorage", ROLE_STORAGE, STATE_I32},
    {"torch", "LongStorage", ROLE_STORAGE, STATE_I64},
    {"torch", "BoolStorage", ROLE_STORAGE, STATE_BOOL},
    {"_codecs", "encode", ROLE_ENCODE},
    {"numpy", "dtype", ROLE_DTYPE},
    {"numpy.core.multiarray", "scalar", ROLE_SCALAR},
    {"numpy._core.multiarray", "scalar", ROLE_SCALAR}, /* since NumPy 2 */
    /* What checkpoints have next to a state dict: settings, optimisers, counters. */
    {"torch", "device", ROLE_OPAQUE},
    {"torch", "float16", ROLE_OPAQUE},
    {"torch", "bfloat16", ROLE_OPAQUE},
    {"torch", "float32", ROLE_OPAQUE},
    {"torch", "float64", ROLE_OPAQUE},
    {"torch", "int32", ROLE_OPAQUE},
    {"torch", "int64", ROLE_OPAQUE},
    {"torch", "uint8", ROLE_OPAQUE},
    {"torch", "bool", ROLE_OPAQUE},
    {"argparse", "Namespace", ROLE_OPAQUE},
    {"collections", "Counter", ROLE_OPAQUE},
    {"__builtin__", "set", ROLE_OPAQUE},
    {"builtins", "set", ROLE_OPAQUE},
};

static bool same(const char *s, const char *text, size_t n)
{
	return strlen(s) == n && !memcmp(s, text, n);
}

const struct pickle_name *pickle_name_find(const char *module, size_t n, const char *name, size_t m)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (same(known[i].module, module, n) && same(known[i].name, name, m))
			return &known[i];
	return NULL;
}
