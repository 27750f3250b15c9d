/* Validation: the images of a data set in central crops, without gradients. */
#ifndef FD2_VALIDATE_H
#define FD2_VALIDATE_H
#include "lib/fd2/batch/batch.h"

/* Takes a batch of images x and their labels. A value other than 0 ends the validation. */
typedef int look_fn(void *ctx, const Tensor *x, const int64_t *labels);
/* Calls look for all of d, in order. Returns what `look` ended it with, or 0. -1: fail_message,
 * after a libtorch error. */
int validate(
    const struct dataset *d, int size, const struct normal *normal, look_fn *look, void *ctx);
#endif
