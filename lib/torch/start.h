/* Starting libtorch, once and before the first tensor, and what it runs on. */
#ifndef FD2_TORCH_START_H
#define FD2_TORCH_START_H
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Before anything else: checks that the loaded library is the headers' version, opens CUDA if
 * device is "cuda" (before the first tensor, or it stays closed for good), sets the threads (0:
 * those of par_threads), deterministic algorithms, and flushes denormals. 0, or -1 with
 * tensor_error(). */
int torch_start(const char *device, int threads);
/* For tests: the threads in use, and "2.11.0". */
int torch_threads(void);
const char *torch_version(void);
bool torch_bf16_is_faster(void); /* the device computes in bf16 faster than in f32 */
bool torch_on_gpu(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
