/* Attention-guided crops and drops (CAL, Rao et al. 2021; the idea is WS-DAN's): --cal-augment of
 * fd2-teacher.
 *
 * For each image two of its M attention maps are drawn, with probability proportional to the
 * square root of their mass: one says where to look closer, the other what to take away. */
#ifndef FD2_CAL_AUGMENT_H
#define FD2_CAL_AUGMENT_H
#include "lib/torch/tensor.h"

/* Fills out [2n][size][size][3] with n crops, then n drops, of pixels [n][size][size][3]
 * (normalised), guided by A [n,M,h,w]. Maps are resized to the image's size (bilinear, corners
 * aligned). Crop: the bounding box of the values that reach theta max, theta from U(0.4, 0.6),
 * padded by a tenth of the image on each side, resampled to the whole size. Drop: pixels that reach
 * theta max, theta from U(0.2, 0.5), become 0. -1: A cannot be read. */
int cal_augment(float *out, const float *pixels, const Tensor *A, int size, uint64_t seed,
    long epoch, long batch);
#endif
