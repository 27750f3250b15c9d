/* A BatchNorm, frozen or with batch statistics, fused with what follows it into one pass over
 * memory. Plain C; rows.cc calls it with blocks of rows.
 *
 * x is [rows][C], channels-last: a row is a pixel. Elements are f32, or bf16 as its 16 bits. */
#ifndef FD2_BN_ROWS_H
#define FD2_BN_ROWS_H
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bn_pass {
	int64_t C;
	bool bf16;
	float top;                /* activation: clamp to [0, top]; INFINITY is ReLU; 0: none */
	const void *x, *residual; /* residual NULL: none */
	void *y;
	const float *scale, *shift; /* [C] */
	const float *pivot;         /* [C]: subtracted from x in sums, for precision */
	/* for the backward passes */
	const void *dy;
	void *dx, *dresidual;        /* dresidual NULL: not needed */
	const float *slope, *offset; /* [C]: the statistics add slope x + offset to dx */
	/* pools: a 3x3 max pool with stride 2 and padding 1 follows the activation. Then x and dx
	 * are [N][H][W][C], y and dy are [N][h][w][C] with h and w half of H and W, rounded up, and
	 * there is no residual. */
	bool pools;
	int64_t H, W;
	uint8_t *winner; /* [N][h][w][C]: y's place in its window, counted row by row; POOL_NONE:
	                    the activation let nothing pass */
};

/* Computes y = act(x scale + shift + residual) for `rows` rows from `first`, and adds x - pivot and
 * its square to sum and square [C]. */
void bn_rows_forward(
    const struct bn_pass *k, int64_t first, int64_t rows, float *sum, float *square);
/* Only y, and only the sums. */
void bn_rows_values(const struct bn_pass *k, int64_t first, int64_t rows);
void bn_rows_sums(const struct bn_pass *k, int64_t first, int64_t rows, float *sum, float *square);
/* Adds d and d (x - pivot) to sum and product [C], with d as below. */
void bn_rows_gradient_sums(
    const struct bn_pass *k, int64_t first, int64_t rows, float *sum, float *product);
/* Computes dx = d scale + slope x + offset and dresidual = d, where d is dy if the activation let y
 * pass, else 0. */
void bn_rows_backward(const struct bn_pass *k, int64_t first, int64_t rows);

/* The same with the pool, for one row of windows; `band` numbers these over all images. The i-th
 * band of an image computes the sums and gradients of the image's rows 2i and 2i+1. Use a workspace
 * in one thread and for one direction only. */
struct pool_workspace *pool_workspace_new(const struct bn_pass *k);
void pool_workspace_free(struct pool_workspace *workspace);
void pooled_bn_forward(const struct bn_pass *k, int64_t band, struct pool_workspace *workspace,
    float *sum, float *square); /* sum and square may be NULL */
void pooled_bn_gradient_sums(const struct bn_pass *k, int64_t band,
    struct pool_workspace *workspace, float *sum, float *product);
void pooled_bn_backward(const struct bn_pass *k, int64_t band, struct pool_workspace *workspace);

#ifdef __cplusplus
}
#endif
#endif
