/* Statistics of a teacher's layers: what its BatchNorms and convolutions get of photographs, over
 * all of them and by class. fd2-protos gathers them, fd2-distill matches images with them. */
#ifndef FD2_LAYER_STATISTICS_H
#define FD2_LAYER_STATISTICS_H
#include "lib/nn/layers.h"

/* Of an input x [N,C,H,W]: mean and biased variance of each channel; and for convolutions those of
 * each patch, 16 x 16 positions over all channels. Each mean comes before its variance. */
enum statistic { STAT_MEAN, STAT_VAR, STAT_PATCH_MEAN, STAT_PATCH_VAR, STATISTICS };
/* How their tensors in a stream are called: "layer1.0.conv1/patch_mean", by class
 * "layer1.0.conv1/class_patch_mean". */
extern const char *const statistic_names[STATISTICS];
#define CLASS_PREFIX "class_"

/* The last two, f32 [G,P], of each of `groups` equal parts of x; differentiable. x is first resized
 * to whole patches, of which there are ceil(H / 16) x ceil(W / 16) (bilinear; G-VBSM, Shao et al.
 * 2024). */
void patch_statistics(const Tensor *x, int groups, Tensor **mean, Tensor **var);

/* "layer1.0.bn1" of these layers; a new string. */
char *bn_name(const struct params *p, const struct bn *bn);
char *conv_name(const struct params *p, const struct conv *conv);
#endif
