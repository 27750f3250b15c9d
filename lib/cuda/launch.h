/* Shared by the CUDA files. */
#ifndef FD2_LAUNCH_H
#define FD2_LAUNCH_H
#include <cuda_runtime.h>

#include "lib/cuda/engine.h"

/* Returns NULL, or CUDA's error message for the last launches. */
inline const char *launched()
{
	const cudaError_t e = cudaGetLastError();
	return e == cudaSuccess ? nullptr : cudaGetErrorString(e);
}

const char *frozen_forward(const bn_pass *k, int64_t rows, int64_t groups, float *workspace,
    float *mean, float *var, void *stream);
int64_t frozen_workspace(const bn_pass *k, int64_t rows, int64_t groups);
const char *frozen_backward(const bn_pass *k, int64_t rows, int64_t groups, const float *mean,
    const float *dmean, const float *dvar, void *stream);
const char *distances(const bn_layer *layers, int n, int64_t groups, bool normalised,
    float *factors, float *terms, float *sum, void *stream);
const char *distances_gradient(const bn_layer *layers, int n, int64_t groups, const float *factors,
    const float *dsum, void *stream);
const char *step_view_forward(const float *x, void *y, bool bf16, const pixel_view *views,
    int64_t n, int64_t N, const view_sides *sides, void *stream);
const char *step_view_adjoint(const void *dy, float *dx, bool bf16, const pixel_view *views,
    int64_t n, int64_t N, const view_sides *sides, void *stream);
const char *adam_pixels(
    const adam *k, float *x, const float *g, float *m, float *v, int64_t count, void *stream);
const char *render(
    const void *staging, int n, const rendering *how, float *workspace, float *out, void *stream);
const char *put(void *to, const void *from, size_t bytes, void *stream);
#endif
