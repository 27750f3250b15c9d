/* A run of fd2-relabel: state that the files of its stage share. */
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

/* How many batches of all epochs are still to be drawn, and to be labelled. */
struct sampling {
	long left, to_label;
};

struct relabel_run {
	const struct relabel_config *config;
	struct labeller labeller;
	const struct teacher *teacher; /* the first; all share its classes, size, mean and std */
	struct dataset images;
	struct fkd_order *order; /* NULL: fd2's own order */
	struct batch batch;
	struct epoch drawn, labelled; /* all of the epoch's batches, and those with labels */
	int *chosen, n_chosen;        /* indices of the epoch's batches that get labels */
	struct sampling sampling;
	struct late late; /* the logits of a batch */
	struct finished_epochs finished;
	struct epoch_checkpoint checkpoint;
	struct stream_writer *writer; /* NULL until the first epoch that is not kept */
	long epochs;                  /* epochs in the output */
	double synced;                /* when the output was last made durable */
	size_t bytes;                 /* size of the labels' tensors */
};

/* relabel-epoch.c */
/* Draws the views of epoch e, the next one, and which of its batches get labels. -1:
 * fail_message. */
int relabel_draw(struct relabel_run *r, long e);
/* Returns whether FILE.part has the labels of epoch e, already drawn. */
bool relabel_is_kept(struct relabel_run *r, long e);
/* Takes the logits of batch i of the epoch; called through `late`. */
int relabel_take(void *run, Reading *logits, int i);
/* Labels batch i of epoch e; its logits are taken with the next batch, or at late_end. */
int relabel_batch(struct relabel_run *r, long e, int i);
/* Labels epoch e, already drawn, except for the batches in FILE.ckpt. -1: fail_message. */
int relabel_epoch(struct relabel_run *r, long e);
/* After a signal, between two epochs: returns -1, with a message that says how to go on. */
int relabel_stop(const struct relabel_run *r);

/* relabel-plan.c. Tells what labelling is about to do and, with --dry-run, what it will cost. The
 * files of an earlier run are open; a dry run uses them up. -1: fail_message. */
int relabel_tell_plan(struct relabel_run *r);
#endif
