/* Training that can be interrupted: parameters, optimiser and epoch, in "OUT.ckpt" beside the output. Randomness depends on
 * the epoch and not on what was drawn before, so a resumed run ends in the same bytes. */
#ifndef FD2_CHECKPOINT_H
#define FD2_CHECKPOINT_H
#include "lib/nn/optim.h"

/* Writes OUT.ckpt atomically; nothing when out is NULL or "-". data: digest of what is trained on. */
int checkpoint_write(const char *out, const struct params *p, const struct optim *o, long epoch, double best, const char *data);
/* Fills everything from OUT.ckpt if it is there. -1: it belongs to other settings or data; the sentence says which. */
int checkpoint_read(const char *out, const struct params *p, struct optim *o, long *epoch, double *best, const char *data);
void checkpoint_remove(const char *out);
#endif
