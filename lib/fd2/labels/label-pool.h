/* Reused labels: epochs assembled from a pool of batches, after LPLD (Xiao and He 2024, "Are
 * Large-scale Soft Labels Necessary for Large-scale Dataset Distillation?"). An epoch of training
 * keeps its number of steps, and each step takes one batch of the pool with its views and its
 * labels.
 *
 * LPLD's program draws a random batch for each step. Here each pass uses every batch of the pool
 * once, in a new order, so the numbers of uses differ by one at most; the first pass follows the
 * stream, so that training does not wait for the last label. */
#ifndef FD2_LABEL_POOL_H
#define FD2_LABEL_POOL_H
#include "lib/fd2/labels/labels.h"

struct pool_place {
	int epoch, batch; /* in pool.v */
};

struct pool {
	struct stream_reader *labels; /* borrowed, like images */
	const struct dataset *images;
	int size;
	long epochs, batches; /* what the labels' meta promises */
	uint64_t seed;

	struct epoch read; /* the epoch read last; has room for a whole one */
	long number;       /* the least that the next epoch's may be */
	struct epoch *v;   /* all epochs read */
	int n;
	struct pool_place *places; /* their batches */
	uint32_t *order;           /* this pass's order of places; NULL: the first pass */
	long n_places, at, times;
	size_t bytes; /* size of the tensors read */
};

/* Prepares the pool; the caller has filled the fields above `read`. */
void pool_init(struct pool *p, int batch, int classes, const struct view_options *views);
void pool_free(struct pool *p);
/* Fills e with as many batches as a whole epoch has. Returns 1; -1: fail_message, the stream is
 * damaged or has more or fewer batches than promised. */
int pool_next(struct pool *p, struct epoch *e);
/* Checks that the stream ends, if all its batches were taken once. -1: fail_message. */
int pool_end(struct pool *p);
#endif
