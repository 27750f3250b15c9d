/* The running average of a network's parameters and statistics during training: average <- d
 * average + (1 - d) now. */
#ifndef FD2_EMA_H
#define FD2_EMA_H
#include "lib/nn/layers.h"

struct ema {
	const struct params *live;
	struct params average; /* the same names and shapes */
	double decay;
};

/* Starts the average at the current values. */
void ema_init(struct ema *e, const struct params *live, double decay);
/* Updates the average after step t, with d = min(decay, (1 + t) / (10 + t)), so that the first
 * values are soon forgotten. */
void ema_update(struct ema *e, long t);
/* Swaps the values of the network and the average; a second call swaps them back. */
void ema_swap(struct ema *e);
void ema_free(struct ema *e);
#endif
