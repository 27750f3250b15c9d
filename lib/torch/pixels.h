/* The images that a distillation learns: each step sees them through random views
 * (tensor_step_view) and updates them by Adam (tensor_adam_pixels_). */
#ifndef FD2_TORCH_PIXELS_H
#define FD2_TORCH_PIXELS_H
#include "lib/kernels/pixel-view.h"
#include "lib/torch/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Store a step's numbers in a tensor on the device, where a replayed step reads the new ones.
 * tensor_views stores n views of images of w x h pixels, tensor_adam_numbers those of a step of
 * Adam, counted from 1. The second function of each pair replaces the numbers in an existing
 * tensor. */
Tensor *tensor_views(const struct pixel_view *views, int n, int w, int h);
void tensor_views_(Tensor *t, const struct pixel_view *views, int n, int w, int h);
struct adam_pixels {
	double lr, beta1, beta2, eps, lo[3], hi[3];
};
Tensor *tensor_adam_numbers(long step, const struct adam_pixels *how);
void tensor_adam_numbers_(Tensor *t, long step, const struct adam_pixels *how);
/* Returns every image [N,3,H,W] seen through its view: [N,3,h,w] in `type` (f32 or bf16);
 * differentiable, one pass forwards and one backwards. Boxes are in input pixels, rolls in output
 * pixels; an output smaller than the box skips input pixels. Each of n views applies to N/n
 * consecutive images. */
Tensor *tensor_step_view(const Tensor *x, const Tensor *views, int h, int w, enum scalar type);
/* Takes one step of Adam and clamps each channel to [lo, hi], in one pass. */
void tensor_adam_pixels_(
    Tensor *x, const Tensor *grad, Tensor *m, Tensor *v, const Tensor *numbers);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
