/* The running average of a network's parameters and statistics while it trains: average <- d
 * average + (1 - d) now. */
#ifndef FD2_EMA_H
#define FD2_EMA_H
#include "lib/nn/layers.h"

struct ema {
	const struct params *live;
	struct params average; /* the same names and shapes */
	double decay;
};

/* Starts from the values of now. */
void ema_init(struct ema *e, const struct params *live, double decay);
/* After a step. The t-th counts with min(decay, (1 + t) / (10 + t)), so that the first values
 * are soon forgotten. */
void ema_update(struct ema *e, long t);
/* Exchanges the values of both: the live network is then the average, until the next call. */
void ema_swap(struct ema *e);
void ema_free(struct ema *e);
#endif
