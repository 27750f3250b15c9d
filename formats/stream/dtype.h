/* What reading and writing streams share: the version that is written, limits, NumPy's names of
 * types. */
#ifndef FD2_DTYPE_H
#define FD2_DTYPE_H
#include "formats/stream/stream.h"

enum { STREAM_VERSION = 2 };
/* Bytes of a tensor's name, and the logarithm of those of a tensor: 64 GiB */
enum { NAME_MAX_BYTES = 1024, TENSOR_MAX_LOG = 36 };

const char *dtype_numpy(enum dtype t); /* "<f2" ... */
#endif
