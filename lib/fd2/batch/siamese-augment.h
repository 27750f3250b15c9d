/* Differentiable Siamese augmentation (Zhao and Bilen 2021): a change of images that is drawn once
 * and applied to photographs and learned images alike, so that their gradients or features are
 * compared under the same change; to train a network, values are drawn for each image of a batch.
 * Values and order of draws follow the authors' program. */
#ifndef FD2_SIAMESE_AUGMENT_H
#define FD2_SIAMESE_AUGMENT_H
#include <stdbool.h>

#include "lib/base/rng.h"
#include "lib/torch/tensor.h"

enum siamese_kind {
	SIAMESE_COLOR,  /* brightness, saturation and contrast, one after the other */
	SIAMESE_CROP,   /* shifted by up to an eighth of the side, filled with zero */
	SIAMESE_CUTOUT, /* a square of half the side, centred anywhere, becomes zero */
	SIAMESE_FLIP,   /* mirrored left to right, or not */
	SIAMESE_SCALE,  /* each side scaled by a factor between 1/1.2 and 1.2 */
	SIAMESE_ROTATE, /* rotated by up to 15 degrees */
	SIAMESE_KINDS,
};
#define SIAMESE_CHOICES "color|crop|cutout|flip|scale|rotate"
enum { SIAMESE_ALL = (1 << SIAMESE_KINDS) - 1 };

/* One change; `kind` says which of the values count. */
struct siamese {
	enum siamese_kind kind;
	bool none;                               /* images stay as they are */
	double brightness, saturation, contrast; /* u of each, in [0, 1) */
	int right, down;                         /* crop: where pixel (0, 0) comes from */
	int x, y;                                /* cutout: its centre */
	bool flip;
	/* scale, rotate: with u and v from -1 to 1 between the edges, the pixel at (u, v) comes
	 * from (theta[0] u + theta[1] v, theta[2] u + theta[3] v) */
	double theta[4];
};

/* Draws one of `kinds` (bits 1 << SIAMESE_...; 0: none) with equal probability, then its values for
 * images of side `size`. */
struct siamese siamese_draw(struct rng *r, unsigned kinds, int size);
/* Applies s to x [N,3,S,S], normalised, so that zero is the mean colour. Differentiable. */
Tensor *siamese_apply(const struct siamese *s, const Tensor *x);

/* Draws for the n images of a batch: the kind once, the values for each. */
void siamese_draw_each(struct siamese *s, int n, struct rng *r, unsigned kinds, int size);
/* Applies s[i] to image i of x [N,3,S,S]. */
Tensor *siamese_apply_each(const struct siamese *s, const Tensor *x);
#endif
