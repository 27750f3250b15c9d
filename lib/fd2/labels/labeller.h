/* The teachers, and how they label a batch: in training mode, with the statistics of each half of
 * the batch and with dropout, as the student will see it; or, without batch_bn, whole and in
 * evaluation mode. Labels are the logits of the backbone branch alone (Eq. 7), of several teachers
 * the weighted mean. */
#ifndef FD2_LABELLER_H
#define FD2_LABELLER_H
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/teacher/teachers.h"
#include "lib/torch/replay.h"

struct labeller {
	struct teachers teachers;
	double weights[TEACHERS_MAX]; /* of their logits: >= 0, their sum is 1 */
	bool batch_bn;
	uint64_t seed;
	/* Full batches are labelled by one recorded step, which uses the same tensors each time. */
	int full;
	Tensor *x, *logits, *masks[TEACHERS_MAX][2];
	Replay *replay;
};

/* weights: one for each teacher, or none, which means equal ones. -1: fail_message. */
int labeller_init(struct labeller *l, const struct opt_list *teachers,
    const struct opt_numbers *weights, bool batch_bn, uint64_t seed);
/* Batches of `full` images are the rule. -1: fail_message. */
int labeller_expect(struct labeller *l, int full);
/* The logits f32 [n,K] of batch `number` of an epoch, which is rendered; valid in the current
 * scope, and until the next batch. NULL: fail_message. Does not wait for the device. */
Tensor *labeller_logits(struct labeller *l, const struct batch *b, long epoch, int number);
void labeller_free(struct labeller *l);
#endif
