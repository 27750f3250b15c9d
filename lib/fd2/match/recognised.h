/* Initial images and labels for methods that learn labels (DATM): photographs that experts classify
 * correctly, and the experts' logits. Experts are taken after the last epoch that all of them
 * have. */
#ifndef FD2_MATCH_RECOGNISED_H
#define FD2_MATCH_RECOGNISED_H
#include "lib/fd2/expert/trajectories.h"
#include "lib/fd2/match/real.h"

struct recognised {
	uint32_t *chosen; /* [K][ipc]: places in the set */
	Tensor *
	    *logits; /* [K] of [ipc,K]: mean over the experts that classify the image correctly */
	int classes;
};

/* Chooses, for each class, the first ipc photographs in the order of fd2-select --method random
 * that the first expert classifies correctly; if there are too few, the second expert adds more,
 * and so on. -1: fail_message, also if all experts find too few. Call recognised_free either
 * way. */
int recognised_init(struct recognised *k, struct real *r, const struct trajectories *experts,
    int ipc, uint64_t seed);
void recognised_free(struct recognised *k);
#endif
