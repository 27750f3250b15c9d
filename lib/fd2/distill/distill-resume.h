/* Stopping and going on within an index batch: FILE.ckpt holds its images and Adam's state until
 * the images are in the output. */
#ifndef FD2_DISTILL_RESUME_H
#define FD2_DISTILL_RESUME_H
#include "lib/fd2/distill/step.h"
#include "lib/nn/checkpoint.h"

struct suspended {
	struct checkpoint file;
	/* what FILE.ckpt holds, as a network: the images, and what the steps of a phase average */
	struct params params;
	struct optim adam;
	struct trained network;
	/* the index batch that FILE.ckpt was found with, and is not taken yet */
	bool found;
	struct index_batch batch;
	int phase;
	long phase_begin, step; /* the step to be taken next */
};

/* The output's name, "-" or NULL. inputs, digests, are stolen. -1: fail_message, FILE.ckpt exists
 * without `resume`. */
int suspended_init(struct suspended *s, const char *out, bool resume, json_t *inputs);
/* Finds the index batch in FILE.ckpt. -1: fail_message; it has other settings or inputs. */
int suspended_find(struct suspended *s, const struct method *m, long ipc);
/* That index batch where it shares an index with b; otherwise b. */
const struct index_batch *suspended_or(const struct suspended *s, const struct index_batch *b);
/* Fills the images and Adam's state, which have their shapes. */
int suspended_take(struct suspended *s, struct learning *g);
int suspended_save(struct suspended *s, struct learning *g, long step);
/* Saves and fails, saying how to go on. */
int suspended_stop(struct suspended *s, struct learning *g, long step, long steps);
/* The images are in the output. */
void suspended_end(struct suspended *s);
void suspended_free(struct suspended *s);
#endif
