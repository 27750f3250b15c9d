/* A BatchNorm's passes over the pixels of x [N,C,H,W] on the CPU, by blocks of rows on all threads.
 * Sums do not depend on the number of threads. With a pool after it (k.pools), a block is the rows
 * that one row of windows reads, so that the pool's input and output stay in the cache. */
#ifndef FD2_ROWS_H
#define FD2_ROWS_H
#include "lib/kernels/bn-rows.h"
#include "lib/torch/fused.h"
#include <ATen/core/Tensor.h>
#include <vector>

/* Throws if norm or then's residual does not fit x [N,C,H,W]; the passes themselves check
 * nothing. */
void check_norm(const at::Tensor &x, const struct bn_params *norm, const struct bn_then *then);
/* Returns t in the layout that the passes need: channels-last. */
at::Tensor like_pixels(const at::Tensor &t);
/* Returns the images of group g of `groups` equal, consecutive groups. */
at::Tensor part_of(const at::Tensor &x, int64_t g, int64_t groups);
/* Returns a bn_pass with the fields that depend on x and the arguments. */
bn_pass pass_over(const at::Tensor &x, double top, bool pools);
/* empty_y allocates y; what_passed returns the tensor that records where the activation passed: y
 * itself, or with a pool a new one for the winners; set_passed sets it in k. */
at::Tensor empty_y(const at::Tensor &x, bool pools);
at::Tensor what_passed(const at::Tensor &y, bool pools);
void set_passed(bn_pass *k, const at::Tensor &passed);

/* Compute y; return the sums [2*C] of x - pivot and of its square. */
void values_of_rows(const bn_pass &k, const at::Tensor &x);
std::vector<double> values_and_sums_of_rows(const bn_pass &k, const at::Tensor &x);
std::vector<double> sums_of_rows(const bn_pass &k, const at::Tensor &x);
/* Return the sums [2*C] of d and of d (x - pivot); compute dx and dresidual. See bn-rows.h. */
std::vector<double> gradient_sums_of_rows(const bn_pass &k, const at::Tensor &x);
void gradients_of_rows(const bn_pass &k, const at::Tensor &x);
#endif
