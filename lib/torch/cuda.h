/* CUDA, opened on demand: libtorch's own library, and the plug-ins of lib/cuda. None is linked. */
#ifndef FD2_TORCH_CUDA_H
#define FD2_TORCH_CUDA_H
#include "lib/cuda/engine.h"
#include "lib/cuda/graphs.h"
#include <c10/core/DeviceType.h>
#include <memory>

/* Where tensors are from now on. Throws a sentence when a library or a GPU is missing. */
c10::DeviceType cuda_open();
/* The plug-in's passes; after cuda_open. */
const struct cuda_engine &cuda_kernels();
/* How steps are recorded, or NULL where they cannot be. */
const struct cuda_graphs *cuda_graphs();
/* libtorch's current stream. */
void *cuda_stream();
/* The end of all that the stream was given so far; the second waits until the stream is there. */
std::shared_ptr<void> cuda_mark();
void cuda_wait(void *mark);
/* Throws what a pass had to say. */
void cuda_check(const char *wrong);
#endif
