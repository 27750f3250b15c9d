/* What reading and writing streams share: the version that is written, NumPy's names of types. */
#ifndef FD2_DTYPE_H
#define FD2_DTYPE_H
#include "formats/stream/stream.h"

enum { STREAM_VERSION = 2 };

const char *dtype_numpy(enum dtype t); /* "<f2" ... */
#endif
