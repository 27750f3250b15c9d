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
 * `seen` is 1, as if it were that alone. Until moving_allocated each call allocates one average and
 * returns `seen`. */
Tensor *moving_average(struct moving *m, int i, Tensor *seen);
/* All averages are allocated: from now on they move. */
void moving_allocated(struct moving *m);
void moving_free(struct moving *m);
#endif
