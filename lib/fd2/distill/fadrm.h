/* What FADRM (Cui et al. 2025; fd2-method(7), BASE METHODS) adds: an image is made in parts of
 * several sizes, each with Adam begun anew, and between them its initial image is mixed in. */
#ifndef FD2_FADRM_H
#define FD2_FADRM_H
#include "lib/torch/tensor.h"

/* Of FADRM and FADRM+: four parts with a fresh Adam each, the initial image mixed in between
 * them (fd2-method(7), BASE METHODS). */
#define FADRM_SETTINGS                                                                             \
	.start = START_REAL, .steps = 2000, .lr = 0.25, .r_bn = 0.01, .parts = 4,                  \
	.sizes = {200, 224, 200, 224}, .residual = 0.5

/* The part, from 0, of `step`, from 0; steps >= 1 are split as equally as whole numbers allow.
 * With fewer steps than parts, some parts have none. */
int fadrm_part(long step, long steps, int parts);

/* The residual connection, what a part begins with: (1 - residual) resized x + residual resized
 * start, resizing being bilinear without antialiasing. x [B,3,h,w], start [B,3,S,S] ->
 * [B,3,size,size], f32 channels-last, storage of its own. x NULL, before the first part: resized
 * start. */
Tensor *residual_connection(const Tensor *x, const Tensor *start, int size, double residual);
#endif
