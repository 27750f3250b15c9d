/* Accuracy of a network on a data set of real images: centre views, running statistics, no gradients. */
#ifndef FD2_VALIDATE_H
#define FD2_VALIDATE_H
#include "lib/fd2/batch.h"

/* Fills logits[0..heads-1] for a batch x. */
typedef void logits_fn(void *net, const Tensor *x, Tensor **logits);
/* Counts hits of every head over all of d. -1: a libtorch error. */
int validate(
    const struct dataset *d, int size, const struct normal *normal, logits_fn *forward, void *net, int heads, struct hits *hits);
#endif
