/* The learned images: the step's view of them, its adjoint, and Adam, each in one pass. Plain C,
 * called by pixels.cc.
 *
 * An image is [H][W][3] f32, its view [h][w][3] f32 or bf16. */
#ifndef FD2_PIXEL_ROWS_H
#define FD2_PIXEL_ROWS_H
#include <stdint.h>

#include "lib/kernels/pixel-view.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Output pixel i is wa * input[a] + wb * input[b]. */
struct tap {
	int32_t a, b;
	float wa, wb;
};

/* Computes the taps of the n pixels of an output row or column, which is made of `length` input
 * pixels at `start`. */
void view_taps(struct tap *taps, int64_t n, int64_t start, int64_t length, bool flip, int64_t roll);
struct view_sides {
	int64_t H, W, h, w;
};
/* Computes the view y of image x; taps rows [h] and columns [w]; workspace: 2*3*w floats. */
void view_forward(const float *x, void *y, bool bf16, const struct tap *rows,
    const struct tap *columns, const struct view_sides *s, float *workspace);
/* Applies the adjoint of view_forward to dy, giving dx; workspace: 3*w floats. */
void view_adjoint(const void *dy, float *dx, bool bf16, const struct tap *rows,
    const struct tap *columns, const struct view_sides *s, float *workspace);

struct adam {
	float beta1, beta2, eps;
	float rate; /* lr / (1 - beta1^t) */
	float root; /* 1 / sqrt(1 - beta2^t) */
	float lo[3], hi[3];
};
/* Updates `count` pixels: m and v as in Adam, then x -= rate m / (root sqrt(v) + eps), clamped to
 * [lo, hi]. */
void adam_rows(const struct adam *k, float *x, const float *g, float *m, float *v, int64_t count);

#ifdef __cplusplus
}
#endif
#endif
