/* Training that can be interrupted: parameters, optimiser and epoch, in "OUT.ckpt" beside the
 * output. Randomness depends on the epoch and not on what was drawn before, so a resumed run
 * ends in the same bytes. */
#ifndef FD2_CHECKPOINT_H
#define FD2_CHECKPOINT_H
#include "lib/nn/optim.h"

/* The epoch whose accuracies' mean was highest; epoch 0: none yet. */
struct best {
	long epoch;
	double backbone, cal; /* percent */
};

struct training {
	const struct params *params, *average; /* average NULL: none is kept */
	struct optim *optim;
	const char *data; /* digest of what is trained on */
	long epoch;       /* finished ones */
	struct best best;
};

/* Writes OUT.ckpt atomically; nothing when out is NULL or "-". */
int checkpoint_write(const char *out, const struct training *t);
/* Whether an interrupted run has left an OUT.ckpt. */
bool checkpoint_exists(const char *out);
/* Fills everything from OUT.ckpt if it is there. -1: it belongs to other settings or data; the
 * sentence says which. */
int checkpoint_read(const char *out, struct training *t);
void checkpoint_remove(const char *out);
#endif
