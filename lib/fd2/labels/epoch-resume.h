/* Stopping and going on within an epoch: FILE.ckpt holds the labels of its first batches until the
 * epoch is in FILE.part. */
#ifndef FD2_EPOCH_RESUME_H
#define FD2_EPOCH_RESUME_H
#include "lib/fd2/labels/labels.h"
#include "lib/nn/checkpoint.h"

/* All zeros: the output is not a file, and nothing is kept. */
struct begun {
	struct checkpoint file;
	long epoch;  /* that FILE.ckpt is of */
	int batches; /* that it has labels of; 0: there is none */
	/* What a checkpoint saves: one tensor. */
	struct trained network;
	struct params params;
	struct param logits;
	struct optim none;
};

/* Reads what FILE.ckpt is of; without `resume` none may exist. inputs: digests, stolen. -1:
 * fail_message. */
int begun_init(struct begun *b, const char *out, bool resume, json_t *inputs);
/* How many of the epoch's `n` chosen batches were labelled before; their labels are then in
 * `drawn`. -1: fail_message. */
int begun_take(struct begun *b, struct epoch *drawn, const int *chosen, int n, long number);
/* Saves the labels of the first `n` chosen batches. */
int begun_save(struct begun *b, const struct epoch *drawn, const int *chosen, int n, long number);
/* The epoch is in the output. */
void begun_end(struct begun *b);
void begun_free(struct begun *b);
#endif
