/* Resumes within an epoch: FILE.ckpt holds the labels of the epoch's first batches until the whole
 * epoch is in FILE.part. */
#ifndef FD2_EPOCH_CHECKPOINT_H
#define FD2_EPOCH_CHECKPOINT_H
#include "lib/fd2/labels/labels.h"
#include "lib/nn/checkpoint.h"

/* All zeros: the output is not a file, and nothing is saved. */
struct epoch_checkpoint {
	struct checkpoint file;
	long epoch;  /* the epoch in FILE.ckpt */
	int batches; /* labelled batches in FILE.ckpt; 0: there is no file */
	/* The one tensor that a checkpoint saves. */
	struct trained network;
	struct params params;
	struct param logits;
	struct optim none;
};

/* Reads which epoch and batches FILE.ckpt has; without `resume` none may exist. Steals inputs,
 * which are digests. -1: fail_message. */
int epoch_checkpoint_open(struct epoch_checkpoint *b, const char *out, bool resume, json_t *inputs);
/* Returns how many of the epoch's `n` chosen batches FILE.ckpt has labelled, and reads their labels
 * into `drawn`. -1: fail_message. */
int epoch_checkpoint_load(
    struct epoch_checkpoint *b, struct epoch *drawn, const int *chosen, int n, long number);
/* Saves the labels of the first `n` chosen batches. */
int epoch_checkpoint_save(
    struct epoch_checkpoint *b, const struct epoch *drawn, const int *chosen, int n, long number);
/* Removes FILE.ckpt, once the epoch is in the output. */
void epoch_checkpoint_remove(struct epoch_checkpoint *b);
void epoch_checkpoint_free(struct epoch_checkpoint *b);
#endif
