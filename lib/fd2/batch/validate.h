/* Runs a network over the central crops of a data set, without gradients.
 *
 * Results match PyTorch's: images are read with dataset_options.exact, and the arithmetic is f32. A
 * fast validation takes the shortcuts of training instead: JPEGs decoded at reduced scale, and
 * --dtype. */
#ifndef FD2_VALIDATE_H
#define FD2_VALIDATE_H
#include "lib/fd2/batch/batch.h"

/* Takes a batch of images x and their labels. A value other than 0 ends the validation. */
typedef int look_fn(void *ctx, const Tensor *x, const int64_t *labels);
/* Calls look for all of d, in order. Returns 0, or what `look` ended it with. -1: fail_message,
 * after a libtorch error. */
int validate(const struct dataset *d, int size, const struct normal *normal, bool fast,
    look_fn *look, void *ctx);

/* Return the records' names of the arithmetic, "f32" or "bf16", and of the decoding, "full" or
 * "reduced". */
const char *validation_dtype(bool fast);
const char *validation_decoding(bool fast);
#endif
