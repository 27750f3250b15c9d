/* Starts libtorch, once and before the first tensor, and tells what it runs on. */
#ifndef FD2_TORCH_START_H
#define FD2_TORCH_START_H
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Call before anything else. Opens CUDA with deterministic algorithms if device is "cuda"
 * (impossible after the first tensor), checks that the loaded library is the headers' version, sets
 * the number of threads (0: par_threads()), and flushes denormals. 0, or -1 with tensor_error(). */
int torch_start(const char *device, int threads);
/* For tests: the number of threads in use; libtorch's version, "2.11.0". */
int torch_threads(void);
const char *torch_version(void);
bool torch_bf16_is_faster(void); /* whether the device computes faster in bf16 than in f32 */
bool torch_on_gpu(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
