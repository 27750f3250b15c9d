/* What a teacher's backbone makes of images: the mean of F over its area, which is what the
 * classifier sees, and what the classifier says. */
#ifndef FD2_FEATURES_H
#define FD2_FEATURES_H
#include "lib/fd2/teacher/teacher.h"

/* C, the length of an image's features. */
int features_size(const struct teacher *t);
/* f [n][C] of these images, each seen in its centre, with the running statistics. The numbers
 * depend, by rounding, on which images are given together. -1: fail_message. */
int features_of(float *f, const struct teacher *t, const struct item *items, int n);
/* logp [n]: the log of the probability that p_bb (Eq. 7) gives class k in these images, seen
 * likewise. -1: fail_message. */
int confidences_of(float *logp, const struct teacher *t, const struct item *items, int n, int k);
#endif
