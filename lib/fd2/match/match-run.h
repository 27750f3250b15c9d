/* A run of fd2-match: what the files of its stage share. */
#ifndef FD2_MATCH_RUN_H
#define FD2_MATCH_RUN_H
#include "lib/fd2/match/rounds.h"
#include "lib/fd2/match/trajectory.h"

struct match_run {
	const struct match_config *config;
	struct matching method;
	const char *arch;
	int first, last; /* classes */
	struct real real;
	struct learned learned;
	struct rounds rounds;        /* of a method that compares class by class */
	struct trajectories experts; /* of one that matches trajectories, as is the next */
	struct trajectory trajectory;
	struct checkpoint checkpoint;
	json_t *provenance;
	long done; /* iterations */
	double loss;
};

/* match-start.c: reads the inputs, starts the images and, by match_begin, goes on. 1: the work is
 * done already; -1: fail_message. */
int match_prepare(struct match_run *r);

/* match-resume.c: everything is read and the images are started. Records what is made from what,
 * and goes on from an interrupted run with --resume. 1: the work is done already; -1:
 * fail_message. */
int match_begin(struct match_run *r);
/* Saves the images between two iterations. */
int match_save(struct match_run *r);
/* After a signal: saves and returns -1 with the sentence that says how to go on. */
int match_stop(struct match_run *r);
#endif
