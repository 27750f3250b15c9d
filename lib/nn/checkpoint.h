/* Training that can be interrupted: saves networks, optimisers and the position in the data to
 * "FILE.ckpt" next to the output FILE.
 *
 * A stage fills networks and inputs, calls checkpoint_load with --resume, and then, between steps,
 * calls checkpoint_save if checkpoint_due says so or a signal asks it to stop. Random numbers
 * depend on epoch and batch, not on earlier draws, so a resumed run writes the same bytes. */
#ifndef FD2_CHECKPOINT_H
#define FD2_CHECKPOINT_H
#include <jansson.h>

#include "lib/nn/optim.h"

/* One network in training. */
struct trained {
	char prefix[16];                       /* prefix of its tensors' names in the file */
	const struct params *params, *average; /* average NULL: none is kept */
	struct optim *optim;
};

struct checkpoint {
	char *path; /* FILE.ckpt; NULL: the output is not a file, and nothing is saved */
	struct trained *networks;
	int n;
	json_t *inputs; /* digests of the training inputs; those in FILE.ckpt must match */
	double saved;   /* time of the last save, in seconds since the start */
	double cost;    /* seconds that the last save took */
	int lock;       /* descriptor of the locked FILE.ckpt; -1: not locked */
};

/* out: the output's name. Borrows the networks; steals the reference to inputs. */
void checkpoint_init(
    struct checkpoint *c, const char *out, struct trained *networks, int n, json_t *inputs);
void checkpoint_free(struct checkpoint *c);
bool checkpoint_exists(const struct checkpoint *c);
/* Returns whether the output `out` has a FILE.ckpt. */
bool checkpoint_left(const char *out);
/* 0: no FILE.ckpt exists, or `resume` is set. -1: fail_message, if an interrupted run left one, or
 * its name is too long to write. */
int checkpoint_check(const struct checkpoint *c, bool resume);
/* Fills the networks. Sets *state to a new reference to the state that checkpoint_save was given,
 * or NULL if no FILE.ckpt exists. -1: fail_message names the setting that differs, with both
 * values. */
int checkpoint_load(struct checkpoint *c, json_t **state);
/* Like checkpoint_load, but does not fill the networks: for a stage that takes its tensors' shapes
 * from the state. */
int checkpoint_state(struct checkpoint *c, json_t **state);
/* Returns whether the last save was so long ago that a kill would lose too much work. */
bool checkpoint_due(const struct checkpoint *c);
/* Replaces FILE.ckpt; steals `state`. -1: fail_message, also if a tensor is not finite; FILE.ckpt
 * is then unchanged. */
int checkpoint_save(struct checkpoint *c, json_t *state);
void checkpoint_remove(struct checkpoint *c);
#endif
