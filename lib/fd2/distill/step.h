/* One step of learning an index batch. */
#ifndef FD2_STEP_H
#define FD2_STEP_H
#include "lib/fd2/distill/learn.h"
#include "lib/torch/replay.h"

/* An index batch on its way; d is the side of the images in the phase. */
struct learning {
	const struct index_batch *batch;
	Tensor *labels; /* i64 [N] */
	Tensor *x;      /* [N,3,d,d] f32, normalised: what is learned */

	int phase;        /* from 0; -1 before the first step */
	long phase_begin; /* its first step */
	Tensor *m, *v;    /* Adam's, of this phase */
	struct compared compared;
	/* this phase's step with each teacher, without L_S and with it */
	Replay *replays[TEACHERS_MAX][2];

	struct bn_statistics statistics;
	struct conv_statistics convs;
	struct moving moving[TEACHERS_MAX]; /* of the phase */
	Tensor *smooth;                     /* x averaged over its steps; NULL: not needed */
	Tensor *views, *adam;               /* the numbers of the step, on the device */
	Tensor *losses;                     /* f32, of the last step: see step.c */
	struct terms terms;                 /* their names */
	double total;                       /* as it was read last */
};

/* f32 that holds the losses of all steps. */
Tensor *distill_step_losses(void);
/* Takes step `number`, from 0, and reads what came out where it is due: for the log, the progress
 * and whether the loss is finite. -1: fail_message. */
int distill_step_take(struct learner *l, struct learning *g, long number);
/* Before step `number`: -1, fail_message, where the loss of one before it is not finite. Waits for
 * the device. */
int distill_step_settle(struct learning *g, long number);
#endif
