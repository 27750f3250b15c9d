/* NumPy's .npy, version 1.0: what a lossless image inside a shard is written as. */
#ifndef FD2_NPY_H
#define FD2_NPY_H
#include <stddef.h>
#include <stdint.h>

/* A file's bytes for C-ordered float16 data; *size bytes, to be freed. */
uint8_t *npy_f16(const void *data, int rank, const int64_t *shape, size_t *size);
#endif
