/* How images with learned labels start: from photographs that experts, after as many epochs as all
 * of them have, classify correctly, with the logits that they give them (DATM). */
#ifndef FD2_MATCH_RECOGNISED_H
#define FD2_MATCH_RECOGNISED_H
#include "lib/fd2/expert/trajectories.h"
#include "lib/fd2/match/real.h"

struct recognised {
	uint32_t *chosen; /* [K][ipc]: places in the set */
	Tensor *
	    *logits; /* [K] of [ipc,K]: means over the experts that classify an image correctly */
	int classes;
};

/* Of each class the first ipc photographs, in the order of fd2-select --method random, that the
 * first expert classifies correctly; where these are too few, the second expert chooses more, and
 * so on. -1: fail_message, where all of them choose too few. recognised_free either way. */
int recognised_init(struct recognised *k, struct real *r, const struct trajectories *experts,
    int ipc, uint64_t seed);
void recognised_free(struct recognised *k);
#endif
