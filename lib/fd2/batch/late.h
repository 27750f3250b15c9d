/* Reads a batch's results while the next batch runs: a GPU has work while the host reads them and
 * prepares the batch after that. */
#ifndef FD2_LATE_H
#define FD2_LATE_H
#include "lib/torch/replay.h"

struct late {
	int (*look)(void *ctx, Reading *left, int batch); /* ends the reading; -1: fail_message */
	void *ctx;
	Reading *left; /* of the last batch; NULL: nothing to read */
	int batch;     /* its number */
};

/* Begins to read `count` values of `left`, and takes the results of the batch before. -1:
 * fail_message. */
int late_next(struct late *l, const Tensor *left, enum scalar type, int64_t count, int batch);
/* Takes the results of the last batch, if there are any. */
int late_end(struct late *l);
void late_free(struct late *l);
#endif
