/* Training that can be interrupted: networks, optimisers and the place in the data, in "FILE.ckpt"
 * next to the output FILE.
 *
 * A stage fills networks and inputs, calls checkpoint_load with --resume, and then, between steps,
 * checkpoint_save when checkpoint_due or when it is asked to stop. Randomness depends on epoch and
 * batch, not on what was drawn before, so that a resumed run ends in the same bytes. */
#ifndef FD2_CHECKPOINT_H
#define FD2_CHECKPOINT_H
#include <jansson.h>

#include "lib/nn/optim.h"

/* One network in training. */
struct trained {
	char prefix[16];                       /* of its tensors' names in the file */
	const struct params *params, *average; /* average NULL: none is kept */
	struct optim *optim;
};

struct checkpoint {
	char *path; /* FILE.ckpt; NULL: the output is not a file, and nothing is kept */
	struct trained *networks;
	int n;
	json_t *inputs; /* digests of what is trained on: those of the file must be the same */
	double saved;   /* when it was last saved, in seconds since the start */
	double cost;    /* seconds that it took */
	int lock;       /* descriptor of the locked FILE.ckpt; -1: there is none */
};

/* out: the output's name. The networks are the caller's; inputs are stolen. */
void checkpoint_init(
    struct checkpoint *c, const char *out, struct trained *networks, int n, json_t *inputs);
void checkpoint_free(struct checkpoint *c);
bool checkpoint_exists(const struct checkpoint *c);
/* Whether there is one of that output. */
bool checkpoint_left(const char *out);
/* 0: no FILE.ckpt exists or `resume` is set; -1: fail_message, it is another run's state, or could
 * not be written. */
int checkpoint_check(const struct checkpoint *c, bool resume);
/* Fills the networks. *state is a new reference to what was given to checkpoint_save; NULL where no
 * FILE.ckpt exists. -1: fail_message names the setting that differs, with both values. */
int checkpoint_load(struct checkpoint *c, json_t **state);
/* As checkpoint_load without filling the networks, for a stage whose tensors have the shapes that
 * the state says. */
int checkpoint_state(struct checkpoint *c, json_t **state);
/* Whether the last save was so long ago that a kill would lose too much work. */
bool checkpoint_due(const struct checkpoint *c);
/* Replaces FILE.ckpt; `state` is stolen. -1: fail_message; FILE.ckpt is as it was, also where a
 * tensor is not finite. */
int checkpoint_save(struct checkpoint *c, json_t *state);
void checkpoint_remove(struct checkpoint *c);
#endif
