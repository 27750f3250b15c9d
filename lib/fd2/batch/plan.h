/* Tells what a stage is about to do, and what it will cost: for --dry-run, and for --verbose before
 * long work.
 *
 * A stage that is ready to begin fills a plan. For --dry-run it takes a few timed steps, on state
 * that is thrown away afterwards. */
#ifndef FD2_PLAN_H
#define FD2_PLAN_H
#include <stdbool.h>

enum { PLAN_PARTS = 3 };

struct plan_part {
	const char *unit; /* a plural in -s; NULL: no such part */
	double units;     /* number of units in all */
	/* Does some of the units and returns how many. <= 0: fail_message. */
	double (*some)(void *stage);
};

struct plan {
	void *stage;
	char *work; /* "24 images of 3 classes, each in 1000 steps"; freed by plan_tell */
	struct plan_part parts[PLAN_PARTS];
	double (*bytes)(void *stage); /* bytes of the output; called after the timed steps */
};

/* dry: times each part and prints the plan with seconds, memory and bytes on standard output.
 * Otherwise prints one line with --verbose. -1: fail_message. */
int plan_tell(struct plan *p, bool dry);
#endif
