/* Measures the paper's two aims on finished images (fd2-method(7), MEASURES), from the output of
 * fd2-attn. Plain C, no libtorch. */
#ifndef FD2_ATTENTION_MEASURES_H
#define FD2_ATTENTION_MEASURES_H
#include "lib/data/attn-read.h"

/* Returns |u - v| / (|u| + |v| + 1e-8), defined below Eq. 9. */
double l2_normalized(const float *u, const float *v, int64_t n);

/* Returns which group of `group` consecutive images of its class an image is in; 0 for group 0. */
int group_of(const struct attn_image *s, int group);

/* Returns the mean of l2(A_i, A_j) over pairs of images of one class, within groups of `group`
 * consecutive images (0: any pair). NaN without pairs or without maps. intra_class_location first
 * scales the maps to equal sums over all M h w entries, so that only their location counts. */
double intra_class_attention(const struct attn_set *set, int group);
double intra_class_location(const struct attn_set *set, int group);

struct prototype_distances {
	double own;           /* mean l2(z, c_y) */
	double others;        /* mean over images of mean_{k != y} l2(z, c_k) */
	double nearest;       /* mean over images of min_{k != y} l2(z, c_k) */
	double nearest_right; /* share of images nearest to their own class's prototype */
};
/* Measures distances to prototypes [K,D] f32; classes: their K names. -1: fail_message, an image's
 * class is not among them. */
int prototype_distances(struct prototype_distances *d, const struct attn_set *set,
    const struct array *prototypes, const char *const *classes);

/* Returns the share of the mean map's mass in the box (x0,y0,x1,y1, as fractions of the image's
 * sides); cells count by overlap. */
double mass_inside(const struct array *A, const double box[4]);
#endif
