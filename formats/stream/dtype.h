/* NumPy's names of our types, for reading and writing streams. */
#ifndef FD2_DTYPE_H
#define FD2_DTYPE_H
#include "formats/stream/stream.h"

const char *dtype_numpy(enum dtype t); /* "<f2" ... */
#endif
