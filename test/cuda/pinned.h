/* Included ahead of test/c/kernels.c where its kernels run on a GPU: what the test allocates,
 * and its stack, is memory of the host that a GPU reads and writes at the same address. Nothing
 * else in the test knows of it. */
#ifndef FD2_PINNED_H
#define FD2_PINNED_H
#include <stdlib.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As malloc, calloc and free; the program ends if there is none left. */
void *pinned_alloc(size_t bytes);
void *pinned_zeros(size_t n, size_t size);
void pinned_free(void *p);
int test_main(void);

#ifdef __cplusplus
}
#else
#define xmalloc pinned_alloc
#define xcalloc pinned_zeros
#define free pinned_free
#define main test_main
#endif
#endif
