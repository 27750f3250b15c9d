/* CUDA, opened on demand: libtorch's own library, and the plug-in of lib/cuda. Neither is linked. */
#ifndef FD2_TORCH_CUDA_H
#define FD2_TORCH_CUDA_H
#include "lib/cuda/engine.h"

/* Throws a sentence when a library or a GPU is missing. */
void cuda_open();
/* The plug-in's passes; after cuda_open. */
const struct cuda_engine &cuda_kernels();
/* libtorch's current stream. */
void *cuda_stream();
/* Throws what a pass had to say. */
void cuda_check(const char *wrong);
#endif
