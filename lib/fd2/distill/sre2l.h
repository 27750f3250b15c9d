/* The step of the SRe2L family (Yin et al. 2023, with the views of SRe2L++; fd2-method(7), BASE
 * METHODS): a random view shared by the batch, and the BatchNorm statistics loss. */
#ifndef FD2_SRE2L_H
#define FD2_SRE2L_H
#include "lib/fd2/teacher/losses.h"
#include "lib/fd2/teacher/teacher.h"

/* The view of `step` for image `id` of the batch that starts with class `first`, one for all of
 * its classes: RandomResizedCrop, flip, and a roll of 0 .. size/7 pixels (32 at 224) in each
 * direction. */
struct pixel_view step_view_random(
    int size, double min_scale, uint64_t seed, int first, int id, long step);

/* The BN-statistics loss of a pass: give sre2l_on_bn and this as pass->on_bn and pass->ctx. */
enum { BN_MAX = 256 }; /* a DenseNet-121 and the attention head have 122 */
struct bn_sum {
	const struct bn *head; /* left out: the attention head's BatchNorm, or NULL */
	enum bn_form form;
	struct bn_seen seen[BN_MAX];
	int n;
};
/* R_BN = sum_l m_l d_l, in the normalised form BN_NORM times the weighted mean of d_l, which is
 * about as large as the literal sum of a trained ResNet-18 (pipelines/bn-loss.txt); 0 for a
 * network without BatchNorms. */
#define BN_NORM 800.0
Tensor *bn_sum_loss(const struct bn_sum *sum);
void sre2l_on_bn(void *ctx, const struct bn *bn, Tensor *mean, Tensor *var);
#endif
