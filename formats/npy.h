/* NumPy's .npy, version 1.0: what a lossless image inside a shard is written as. */
#ifndef FD2_NPY_H
#define FD2_NPY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file's bytes for C-ordered float16 data; *size bytes, to be freed. */
uint8_t *npy_f16(const void *data, int rank, const int64_t *shape, size_t *size);
/* Whether these are a file's bytes as npy_f16 writes them for that shape; its data begin at *begin.
 */
bool npy_is_f16(const uint8_t *file, size_t size, int rank, const int64_t *shape, size_t *begin);
#endif
