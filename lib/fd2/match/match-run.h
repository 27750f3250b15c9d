/* A run of fd2-match: state shared by the files of its stage. */
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
	struct rounds rounds;        /* for methods that compare class by class */
	struct trajectories experts; /* this and the next: for methods that match trajectories */
	struct trajectory trajectory;
	struct checkpoint checkpoint;
	json_t *provenance;
	long done; /* finished iterations */
	double loss;
};

/* match-start.c: reads the inputs, initialises the images and calls match_begin. 1: the output is
 * already complete; -1: fail_message. */
int match_prepare(struct match_run *r);

/* match-resume.c: called once the inputs are read and the images initialised. Records the
 * provenance and, with --resume, loads an interrupted run's state. 1: the output is already
 * complete; -1: fail_message. */
int match_begin(struct match_run *r);
/* Saves the images between two iterations. */
int match_save(struct match_run *r);
/* After a signal: saves the state. Always -1: fail_message, which says how to resume. */
int match_stop(struct match_run *r);
#endif
