/* NumPy's .npy format, version 1.0, for lossless images in a shard. */
#ifndef FD2_NPY_H
#define FD2_NPY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the *size bytes of a file with C-ordered float16 data, to be freed. */
uint8_t *npy_f16(const void *data, int rank, const int64_t *shape, size_t *size);
/* Returns whether these are the bytes of a file as npy_f16 writes it for that shape; its data begin
 * at *begin. */
bool npy_is_f16(const uint8_t *file, size_t size, int rank, const int64_t *shape, size_t *begin);
#endif
