/* Shared by reading and writing: the version that is written, limits, NumPy's names of types. */
#ifndef FD2_DTYPE_H
#define FD2_DTYPE_H
#include "formats/stream/stream.h"

enum { STREAM_VERSION = 2 };
/* Most bytes of a tensor's name; binary logarithm of the most bytes of a tensor (64 GiB) */
enum { NAME_MAX_BYTES = 1024, TENSOR_MAX_LOG = 36 };

const char *dtype_numpy(enum dtype t); /* "<f2" ... */
#endif
