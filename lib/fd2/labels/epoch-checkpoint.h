/* Stopping and going on within an epoch: FILE.ckpt holds the labels of its first batches until the
 * epoch is in FILE.part. */
#ifndef FD2_EPOCH_CHECKPOINT_H
#define FD2_EPOCH_CHECKPOINT_H
#include "lib/fd2/labels/labels.h"
#include "lib/nn/checkpoint.h"

/* All zeros: the output is not a file, and nothing is kept. */
struct epoch_checkpoint {
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
int epoch_checkpoint_open(struct epoch_checkpoint *b, const char *out, bool resume, json_t *inputs);
/* How many of the epoch's `n` chosen batches were labelled before; their labels are then in
 * `drawn`. -1: fail_message. */
int epoch_checkpoint_load(
    struct epoch_checkpoint *b, struct epoch *drawn, const int *chosen, int n, long number);
/* Saves the labels of the first `n` chosen batches. */
int epoch_checkpoint_save(
    struct epoch_checkpoint *b, const struct epoch *drawn, const int *chosen, int n, long number);
/* The epoch is in the output. */
void epoch_checkpoint_remove(struct epoch_checkpoint *b);
void epoch_checkpoint_free(struct epoch_checkpoint *b);
#endif
