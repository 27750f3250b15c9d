/* One iteration of a method that compares photographs and images class by class. It draws a new
 * network with random weights and trains it on the images between rounds. */
#ifndef FD2_MATCH_ROUNDS_H
#define FD2_MATCH_ROUNDS_H
#include "lib/fd2/match/learned.h"

struct rounds {
	const struct matching *method;
	const char *arch;
	unsigned augment; /* bits 1 << SIAMESE_... */
	double lr_net;    /* for training between rounds */
	long most;        /* photographs per class and round */
	uint64_t seed;
	struct real *real;
	struct learned *learned;
};

/* Runs the iteration, which updates the images. *loss: the mean over classes and rounds. -1:
 * fail_message. */
int rounds_take(const struct rounds *r, long iteration, double *loss);
#endif
