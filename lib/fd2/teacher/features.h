/* Outputs of a teacher's backbone for images: features, the mean of F over its area that the
 * classifier sees, and the classifier's confidences. */
#ifndef FD2_FEATURES_H
#define FD2_FEATURES_H
#include "lib/fd2/teacher/teacher.h"

/* Returns C, the length of an image's features. */
int features_size(const struct teacher *t);
/* Computes the features f [n][C] of the images' centres, with running statistics. The rounding of
 * the numbers depends on which images are given together. -1: fail_message. */
int features_of(float *f, const struct teacher *t, const struct item *items, int n);
/* Computes logp [n], the log of the probability that p_bb (Eq. 7) gives class k, in the same way.
 * -1: fail_message. */
int confidences_of(float *logp, const struct teacher *t, const struct item *items, int n, int k);
#endif
