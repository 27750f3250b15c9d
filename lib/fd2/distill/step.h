/* One optimisation step of an index batch. */
#ifndef FD2_STEP_H
#define FD2_STEP_H
#include "lib/fd2/distill/learn.h"
#include "lib/torch/replay.h"

/* An index batch that is being learned; d is the side of the images in the phase. */
struct learning {
	const struct index_batch *batch;
	Tensor *labels; /* i64 [N] */
	Tensor *x;      /* [N,3,d,d] f32, normalised: the images */

	int phase;        /* from 0; -1 before the first step */
	long phase_begin; /* its first step */
	Tensor *m, *v;    /* Adam's moments, of this phase */
	struct compared compared;
	/* this phase's step with each teacher, without L_S and with it */
	Replay *replays[TEACHERS_MAX][2];

	struct bn_statistics statistics;
	struct conv_statistics convs;
	struct moving moving[TEACHERS_MAX]; /* of this phase */
	Tensor *smooth;                     /* x averaged over its steps; NULL: not needed */
	Tensor *views, *adam;               /* numbers of the current step, on the device */
	Tensor *losses;                     /* f32, of the last step: see step.c */
	struct terms terms;                 /* their names */
	double total;                       /* total loss, as last read from the device */
};

/* Returns a new tensor for learning.losses. */
Tensor *distill_step_losses(void);
/* Takes step `number`, from 0. If due, reads the losses, for the log, the progress and a check that
 * they are finite. -1: fail_message. */
int distill_step_take(struct learner *l, struct learning *g, long number);
/* Checks that the losses of all steps before `number` are finite; waits for the device. -1:
 * fail_message. */
int distill_step_settle(struct learning *g, long number);
#endif
