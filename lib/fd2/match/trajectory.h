/* An iteration of a method that matches trajectories: one expert, one student that begins with the
 * expert's weights after some epoch and learns from all images, and a step of images, labels and
 * step size towards where the expert was expert_epochs later. */
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
	/* of the last iteration: the expert's number and the epoch after which the student started
	 */
	int expert, start;
	long skipped; /* iterations above the threshold */
};

/* The caller has filled the settings. -1: fail_message, where the experts have too few epochs. */
int trajectory_check(const struct trajectory *t);
int trajectory_init(struct trajectory *t, int classes);
/* *loss: |theta_S - goal|^2 / |theta_0 - goal|^2. -1: fail_message. */
int trajectory_take(struct trajectory *t, long iteration, double *loss);
void trajectory_free(struct trajectory *t);
#endif
