/* Statistics of the inputs of a teacher's BatchNorms and convolutions for photographs, over all of
 * them and by class. fd2-protos gathers them, fd2-distill makes images that match them. */
#ifndef FD2_LAYER_STATISTICS_H
#define FD2_LAYER_STATISTICS_H
#include "lib/nn/layers.h"

/* The statistics of an input x [N,C,H,W]: mean and biased variance of each channel; and for
 * convolutions also those of each patch, which is 16 x 16 positions of all channels. Each mean
 * comes before its variance. */
enum statistic { STAT_MEAN, STAT_VAR, STAT_PATCH_MEAN, STAT_PATCH_VAR, STATISTICS };
/* Their names, in a stream's tensors called "layer1.0.conv1/patch_mean", or by class
 * "layer1.0.conv1/class_patch_mean". */
extern const char *const statistic_names[STATISTICS];
#define CLASS_PREFIX "class_"

/* Computes the last two, f32 [G,P], for each of `groups` equal parts of x; differentiable. x is
 * first resized bilinearly to whole patches, P = ceil(H / 16) x ceil(W / 16) (G-VBSM, Shao et al.
 * 2024). */
void patch_statistics(const Tensor *x, int groups, Tensor **mean, Tensor **var);

/* Return the layer's name, such as "layer1.0.bn1", in a new string; "" if p does not have it. */
char *bn_name(const struct params *p, const struct bn *bn);
char *conv_name(const struct params *p, const struct conv *conv);
#endif
