/* A run of fd2-relabel: what the files of its stage share. */
#ifndef FD2_RELABEL_RUN_H
#define FD2_RELABEL_RUN_H
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/batch/late.h"
#include "lib/fd2/labels/epoch-checkpoint.h"
#include "lib/fd2/labels/fkd-order.h"
#include "lib/fd2/labels/labeller.h"
#include "lib/fd2/labels/labels.h"
#include "lib/fd2/labels/finished-epochs.h"
#include "lib/fd2/labels/relabel.h"

/* Of the batches of all epochs: how many are still to be drawn, and to be labelled. */
struct sampling {
	long left, to_label;
};

struct relabel_run {
	const struct relabel_config *config;
	struct labeller labeller;
	const struct teacher *teacher; /* the first: its classes, size, mean and std are all's */
	struct dataset images;
	struct fkd_order *order; /* NULL: fd2's own */
	struct batch batch;
	struct epoch drawn, labelled; /* all of the epoch's batches, and those with labels */
	int *chosen, n_chosen;        /* which of the epoch's batches are labelled */
	struct sampling sampling;
	struct late late; /* the logits of a batch */
	struct finished_epochs finished;
	struct epoch_checkpoint checkpoint;
	struct stream_writer *writer; /* NULL: until the first epoch that is not kept */
	long epochs;                  /* that the output holds */
	double synced;                /* when the output was last made durable */
	size_t bytes;                 /* of the labels' tensors */
};

/* relabel-epoch.c */
/* The views of epoch e, the next one, and which of its batches get labels. -1: fail_message. */
int relabel_draw(struct relabel_run *r, long e);
/* Whether FILE.part has the labels of epoch e, which was drawn. */
bool relabel_is_kept(struct relabel_run *r, long e);
/* Takes the logits of batch i of the epoch: for `late`. */
int relabel_take(void *run, Reading *logits, int i);
/* Labels batch i of epoch e; its logits come with the next one's, or at late_end. */
int relabel_batch(struct relabel_run *r, long e, int i);
/* Labels epoch e, which was drawn, or what FILE.ckpt lacks of it. -1: fail_message. */
int relabel_epoch(struct relabel_run *r, long e);
/* After a signal, between two epochs: returns -1 with the sentence that says how to go on. */
int relabel_stop(const struct relabel_run *r);

/* relabel-plan.c: what labelling is about to do, and with --dry-run what it will take. What an
 * earlier run left is open; a dry run uses it up. -1: fail_message. */
int relabel_tell_plan(struct relabel_run *r);
#endif
