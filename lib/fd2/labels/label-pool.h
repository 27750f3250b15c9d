/* Labels that are reused: epochs assembled from a pool of batches, after LPLD (Xiao and He
 * 2024, "Are Large-scale Soft Labels Necessary for Large-scale Dataset Distillation?"). An epoch of
 * training keeps its number of steps, and each step takes one batch of the pool with its views and
 * its labels.
 *
 * LPLD's program draws a batch at random for each step. Here each pass uses every batch of the
 * pool once, in a new order, so that no label is used more than once more often than another; the
 * first pass follows the stream, so that training does not wait for the last label. */
#ifndef FD2_LABEL_POOL_H
#define FD2_LABEL_POOL_H
#include "lib/fd2/labels/labels.h"

struct pool_place {
	int epoch, batch; /* in pool.v */
};

struct pool {
	struct stream_reader *labels; /* borrowed, as is the set */
	const struct dataset *images;
	int size;
	long epochs, batches; /* what the labels' meta promises */
	uint64_t seed;

	struct epoch read; /* the last one read; holds a whole epoch */
	long number;       /* the next epoch's, at least */
	struct epoch *v;   /* all that were read */
	int n;
	struct pool_place *places; /* their batches */
	uint32_t *order;           /* of places; NULL the first time */
	long n_places, at, times;
	size_t bytes; /* of the tensors that were read */
};

/* The caller has filled the fields above `read`. */
void pool_init(struct pool *p, int batch, int classes, const struct view_options *views);
void pool_free(struct pool *p);
/* The next epoch's batches into e, as many as a whole epoch has. -1: the stream is damaged, or
 * holds other batches than promised. */
int pool_next(struct pool *p, struct epoch *e);
/* Where all batches were taken once, the stream must end. */
int pool_end(struct pool *p);
#endif
