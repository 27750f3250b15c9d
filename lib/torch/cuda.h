/* Loads CUDA on demand: libtorch's CUDA library and the plug-ins of lib/cuda. None is linked. */
#ifndef FD2_TORCH_CUDA_H
#define FD2_TORCH_CUDA_H
#include "lib/cuda/engine.h"
#include "lib/cuda/graphs.h"
#include <c10/core/DeviceType.h>
#include <memory>

/* Loads the libraries and returns the device of new tensors. Throws if a library or a GPU is
 * missing. */
c10::DeviceType cuda_open();
/* Returns the plug-in's kernels. Throws before cuda_open. */
const struct cuda_engine &cuda_kernels();
/* Returns the functions that record steps as graphs, or NULL before cuda_open. */
const struct cuda_graphs *cuda_graphs();
/* Returns libtorch's current stream. */
void *cuda_stream();
/* cuda_mark marks the end of the work queued on the stream so far; cuda_wait waits until the stream
 * reaches the mark. */
std::shared_ptr<void> cuda_mark();
void cuda_wait(void *mark);
/* Throws the message of a pass unless it is NULL. */
void cuda_check(const char *wrong);
#endif
