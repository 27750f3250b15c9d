/* One pass over memory for a BatchNorm, frozen or with batch statistics, and what follows it; plain
 * C, called with blocks of rows by rows.cc.
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
	const float *pivot;         /* [C]: sums are of x - pivot, which keeps their digits */
	/* backwards */
	const void *dy;
	void *dx, *dresidual;        /* dresidual NULL: not needed */
	const float *slope, *offset; /* [C]: the statistics' part of dx is slope x + offset */
	/* pools: behind the activation a max pool of 3x3, stride 2 and padding 1. x and dx are
	 * then [N][H][W][C], y and dy [N][h][w][C] with h and w half of H and W, rounded up;
	 * there is no residual. */
	bool pools;
	int64_t H, W;
	uint8_t *winner; /* [N][h][w][C]: the place in the window, row by row, that y is from;
	                    POOL_NONE: nothing passed */
};

/* y = act(x scale + shift + residual) for `rows` rows from `first`; sum and square [C] of x -
 * pivot. */
void bn_rows_forward(
    const struct bn_pass *k, int64_t first, int64_t rows, float *sum, float *square);
/* y alone, and the sums alone */
void bn_rows_values(const struct bn_pass *k, int64_t first, int64_t rows);
void bn_rows_sums(const struct bn_pass *k, int64_t first, int64_t rows, float *sum, float *square);
/* Sums of d and of d (x - pivot), d as below. */
void bn_rows_gradient_sums(
    const struct bn_pass *k, int64_t first, int64_t rows, float *sum, float *product);
/* dx = d scale + slope x + offset with d = dy where the activation let y pass, else 0; dresidual
 * = d. */
void bn_rows_backward(const struct bn_pass *k, int64_t first, int64_t rows);

/* The same with the pool, for a row of windows: `band` counts them over all images. Its own rows
 * of x, whose sums and gradients it gives, are rows 2i and 2i+1 of the image for its i-th. One
 * workspace serves one thread and one direction. */
struct pool_workspace *pool_workspace_new(const struct bn_pass *k);
void pool_workspace_free(struct pool_workspace *workspace);
void pooled_bn_forward(const struct bn_pass *k, int64_t band, struct pool_workspace *workspace,
    float *sum, float *square); /* or NULL */
void pooled_bn_gradient_sums(const struct bn_pass *k, int64_t band,
    struct pool_workspace *workspace, float *sum, float *product);
void pooled_bn_backward(const struct bn_pass *k, int64_t band, struct pool_workspace *workspace);

#ifdef __cplusplus
}
#endif
#endif
