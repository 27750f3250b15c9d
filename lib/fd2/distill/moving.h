/* Moving averages over steps of the statistics of a teacher's layers, which vary from batch to
 * batch (G-VBSM, Shao et al. 2024). */
#ifndef FD2_MOVING_H
#define FD2_MOVING_H
#include "lib/torch/tensor.h"

/* The averages of one teacher in one phase; initialise with zeros. An average is v / weight, which
 * makes it start at the first batch: v <- momentum v + (1 - momentum) seen, and weight is updated
 * likewise with seen = 1. */
struct moving {
	double momentum; /* 0: no averages, only the batch counts */
	Tensor *weight;  /* f32 [1] */
	Tensor **v;
	int n;
};

/* Updates the weight; call once in each step, before moving_average. */
void moving_step(struct moving *m);
/* Adds `seen` to the average of statistic i and returns the average, with gradient 1 with respect
 * to `seen`. Until moving_allocated only allocates the average, in order from i = 0, and returns
 * `seen`. */
Tensor *moving_average(struct moving *m, int i, Tensor *seen);
/* Ends the allocation; averages start with the next step. */
void moving_allocated(struct moving *m);
void moving_free(struct moving *m);
#endif
