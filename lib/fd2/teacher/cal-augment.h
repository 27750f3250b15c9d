/* Attention-guided crops and drops (CAL, Rao et al. 2021; the idea is WS-DAN's): --cal-augment of
 * fd2-teacher.
 *
 * For each image two of its M attention maps are drawn, with probability proportional to the
 * square root of their mass: one says where to look closer, the other what to take away. */
#ifndef FD2_CAL_AUGMENT_H
#define FD2_CAL_AUGMENT_H
#include "lib/torch/tensor.h"

/* out [2n][size][size][3]: n crops, then n drops, of pixels [n][size][size][3] (normalised),
 * guided by A [n,M,h,w]. A map is resized to the image's size (bilinear, corners aligned). Crop:
 * the bounding box of what reaches theta max, theta from U(0.4, 0.6), padded by a tenth of the
 * image on each side, resampled to the whole size. Drop: what reaches theta max, theta from
 * U(0.2, 0.5), becomes 0. 0, or -1 when A cannot be read. */
int cal_augment(float *out, const float *pixels, const Tensor *A, int size, uint64_t seed,
    long epoch, long batch);
#endif
