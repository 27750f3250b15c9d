/* A BatchNorm's passes over the pixels of x [N,C,H,W] on the CPU: all threads, blocks of rows,
 * sums that depend on no thread. With a pool behind it (k.pools), a block is what a row of
 * windows reads, and what the pool reads or leaves does not leave the cache. */
#ifndef FD2_ROWS_H
#define FD2_ROWS_H
#include "lib/kernels/bn-rows.h"
#include "lib/torch/fused.h"
#include <ATen/core/Tensor.h>
#include <vector>

/* Throws where what goes with x [N,C,H,W] does not fit it; the passes check nothing. */
void check_norm(const at::Tensor &x, const struct bn_params *norm, const struct bn_then *then);
/* In the layout that the passes need. */
at::Tensor like_pixels(const at::Tensor &t);
/* The images of group g: as many of each group, one group after the other. */
at::Tensor part_of(const at::Tensor &x, int64_t g, int64_t groups);
/* The fields of bn_pass that depend on x alone. */
bn_pass pass_over(const at::Tensor &x, double top, bool pools);
/* Allocates y; the tensor that records where the activation passed (y itself, or with a pool the
 * winners); and sets that tensor in k. */
at::Tensor empty_y(const at::Tensor &x, bool pools);
at::Tensor what_passed(const at::Tensor &y, bool pools);
void set_passed(bn_pass *k, const at::Tensor &passed);

/* y; and x's sums [2*C]: of x - pivot, and of its square */
void values_of_rows(const bn_pass &k, const at::Tensor &x);
std::vector<double> values_and_sums_of_rows(const bn_pass &k, const at::Tensor &x);
std::vector<double> sums_of_rows(const bn_pass &k, const at::Tensor &x);
/* Sums [2*C] of d and of d (x - pivot), and dx and dresidual, as bn-rows.h says. */
std::vector<double> gradient_sums_of_rows(const bn_pass &k, const at::Tensor &x);
void gradients_of_rows(const bn_pass &k, const at::Tensor &x);
#endif
