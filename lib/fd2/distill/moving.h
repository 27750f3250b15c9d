/* Averages over steps of what a teacher's layers get, which single batches vary around (G-VBSM,
 * Shao et al. 2024). */
#ifndef FD2_MOVING_H
#define FD2_MOVING_H
#include "lib/torch/tensor.h"

/* Of one teacher in one phase. Zeros: none. The average is v / weight, so that it begins with the
 * first batch: v <- momentum v + (1 - momentum) seen, weight likewise with 1 for seen. */
struct moving {
	double momentum; /* 0: the batch alone counts */
	Tensor *weight;  /* f32 [1] */
	Tensor **v;
	int n;
};

/* Before what a step has seen. */
void moving_step(struct moving *m);
/* The average of statistic i, from 0, in order, with what this step has seen in it. Its gradient by
 * `seen` is 1, as if it were that alone. Before moving_begin only makes room for it. */
Tensor *moving_average(struct moving *m, int i, Tensor *seen);
/* Ends the making of room. */
void moving_begin(struct moving *m);
void moving_free(struct moving *m);
#endif
