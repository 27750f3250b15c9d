/* One iteration of a method that matches trajectories. A student starts with an expert's weights
 * after some epoch and trains on all images; then images, labels and step size are updated so that
 * it ends closer to the expert's weights expert_epochs later. */
#ifndef FD2_MATCH_TRAJECTORY_H
#define FD2_MATCH_TRAJECTORY_H
#include "lib/fd2/expert/trajectories.h"
#include "lib/fd2/match/learned.h"

struct trajectory {
	const struct matching *method;
	const struct trajectories *experts;
	struct learned *learned; /* with labels */
	unsigned augment;        /* bits 1 << SIAMESE_... */
	int part;                /* images in one pass */
	uint64_t seed;
	/* filled by trajectory_init */
	struct backbone student, goal; /* goal: the expert's weights */
	struct optim weights;          /* the student's */
	/* in the last iteration: the expert's number and the epoch after which the student
	 * started */
	int expert, start;
	long skipped; /* iterations with a loss above the threshold */
};

/* Checks that the experts have enough epochs; the caller has filled the settings. -1:
 * fail_message. */
int trajectory_check(const struct trajectory *t);
int trajectory_init(struct trajectory *t, int classes);
/* Runs the iteration. *loss: |theta_S - goal|^2 / |theta_0 - goal|^2. -1: fail_message. */
int trajectory_take(struct trajectory *t, long iteration, double *loss);
void trajectory_free(struct trajectory *t);
#endif
