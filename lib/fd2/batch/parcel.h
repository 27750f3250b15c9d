/* A batch on its way to the GPU that renders it: its boxes of 8-bit pixels, which are a fourth
 * of what it becomes. */
#ifndef FD2_PARCEL_H
#define FD2_PARCEL_H
#include "lib/fd2/batch/batch.h"
#include "lib/image/shot.h"

/* The shots of the batch with their boxes behind them, for tensor_render. */
Tensor *batch_parcel(const struct batch *b);
/* What they have in common. */
struct look batch_look(const struct batch *b, const struct normal *normal);
#endif
