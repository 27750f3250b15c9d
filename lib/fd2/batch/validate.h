/* A data set of real images as networks see it when they are measured: centre views, no
 * gradients. */
#ifndef FD2_VALIDATE_H
#define FD2_VALIDATE_H
#include "lib/fd2/batch/batch.h"

/* Takes a batch x of them, whose classes are labels. What is not 0 ends the validation. */
typedef int look_fn(void *ctx, const Tensor *x, const int64_t *labels);
/* Shows all of d, in order. Returns what `look` ended it with, or 0. -1: a libtorch error. */
int validate(
    const struct dataset *d, int size, const struct normal *normal, look_fn *look, void *ctx);
#endif
