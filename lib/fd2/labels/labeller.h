/* Labels batches with the teachers: in training mode, with the statistics of each half of the batch
 * and with dropout, as the student will see it; or, without batch_bn, whole and in evaluation mode.
 * Labels are the logits of the backbone branch alone (Eq. 7); those of several teachers are
 * averaged by weight. */
#ifndef FD2_LABELLER_H
#define FD2_LABELLER_H
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/teacher/teachers.h"
#include "lib/torch/replay.h"

struct labeller {
	struct teachers teachers;
	double weights[TEACHERS_MAX]; /* weights of their logits: >= 0, with sum 1 */
	bool batch_bn;
	uint64_t seed;
	/* One recorded step, which uses the same tensors each time, labels all batches of `full`
	 * images. */
	int full;
	Tensor *x, *logits, *masks[TEACHERS_MAX][2];
	Replay *replay;
};

/* weights: one per teacher, or none for equal weights. -1: fail_message. */
int labeller_init(struct labeller *l, const struct opt_list *teachers,
    const struct opt_numbers *weights, bool batch_bn, uint64_t seed);
/* Prepares the recorded step for batches of `full` images. -1: fail_message. */
int labeller_expect(struct labeller *l, int full);
/* Returns the logits f32 [n,K] of batch `number` of an epoch, already rendered; valid in the
 * current scope, until the next batch. NULL: fail_message. Does not wait for the device. */
Tensor *labeller_logits(struct labeller *l, const struct batch *b, long epoch, int number);
void labeller_free(struct labeller *l);
#endif
