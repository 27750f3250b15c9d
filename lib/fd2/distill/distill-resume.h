/* Stops and resumes within an index batch: FILE.ckpt holds its images and Adam's state until the
 * images are in the output. */
#ifndef FD2_DISTILL_RESUME_H
#define FD2_DISTILL_RESUME_H
#include "lib/fd2/distill/step.h"
#include "lib/nn/checkpoint.h"

struct suspended {
	struct checkpoint file;
	/* content of FILE.ckpt, as a network: the images, and a phase's averages over its steps */
	struct params params;
	struct optim adam;
	struct trained network;
	/* the index batch in FILE.ckpt; found: it is there, and suspended_take has not loaded it */
	bool found;
	struct index_batch batch;
	int phase;
	long phase_begin, step; /* the phase's first step; the step to take next */
};

/* out: the output's name, "-" or NULL. Takes the reference to inputs, an object of digests. -1:
 * fail_message; FILE.ckpt exists without `resume`. */
int suspended_init(struct suspended *s, const char *out, bool resume, json_t *inputs);
/* Looks for an index batch in FILE.ckpt. -1: fail_message; it has other settings or inputs. */
int suspended_find(struct suspended *s, const struct method *m, long ipc);
/* Returns that index batch if it has b's classes and shares an index with b; otherwise b. */
const struct index_batch *suspended_or(const struct suspended *s, const struct index_batch *b);
/* Loads the images, averages and Adam's state into the tensors of g, which have their shapes. */
int suspended_take(struct suspended *s, struct learning *g);
int suspended_save(struct suspended *s, struct learning *g, long step);
/* Saves, then fails with a message that says how to go on. */
int suspended_stop(struct suspended *s, struct learning *g, long step, long steps);
/* Removes FILE.ckpt; call when the images are in the output. */
void suspended_end(struct suspended *s);
void suspended_free(struct suspended *s);
#endif
