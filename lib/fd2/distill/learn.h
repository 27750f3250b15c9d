/* Learns the images of an index batch, from initial to finished ones, phase by phase. */
#ifndef FD2_LEARN_H
#define FD2_LEARN_H
#include "lib/fd2/distill/constraints.h"
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/distill/method.h"

struct suspended;

struct learner {
	const struct method *method;
	const struct distill_teachers *teachers;
	struct initial *initial;
	const struct constraints_config *constraints; /* NULL: --plain */
	const struct similarity *similarity;          /* NULL: without L_S */
	struct view_rule views;
	struct suspended *suspended; /* saves index batches from time to time, and also */
	long save_every;             /* after so many steps; 0: only by time */
	long log_every;              /* steps */
	long steps_done;             /* over all index batches and indices, for the progress */
};

/* Returns the finished images [N,3,S,S] f32, normalised, S = method->stored_size. If b points to
 * the suspended batch, goes on with that. NULL: fail_message, which after a signal says how to go
 * on. */
Tensor *learn_index_batch(struct learner *l, const struct index_batch *b);
#endif
