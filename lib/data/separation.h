/* Measures how far apart the classes of a set are in feature space, and the images of a class
 * (fd2-method(7), MEASURES). Distances are Euclidean, sums are in double. Undefined values are NaN,
 * such as the dispersion of a class of one image. */
#ifndef FD2_SEPARATION_H
#define FD2_SEPARATION_H
#include "lib/data/attention-measures.h"

struct class_separation {
	const char *name; /* borrowed from the set */
	int images;
	double dispersion;     /* D_c = mean |z_i - mu_c| */
	double inter_class;    /* I_c = mean over k != c of |mu_c - mu_k| */
	double nearest_centre; /* min over k != c of |mu_c - mu_k| */
	int nearest;           /* that k; -1: there is only one class */
};

struct separation {
	double dispersion, inter_class, nearest_centre; /* means over the classes */
	double fisher_ratio;                            /* tr(S_b) / tr(S_w) */
	double silhouette; /* mean over the images; 0 for the only image of a class (Rousseeuw
	                      1987) */
	struct class_separation *classes; /* in the set's order */
	int n;
};

/* Compares all pairs of images, on par_threads() threads. */
void separation_of(struct separation *s, const struct attn_set *set);
void separation_free(struct separation *s);

/* Returns the share of the images of `real` whose nearest image in `distilled` has the same class.
 * Both sets have features of the same length. */
double nearest_accuracy(const struct attn_set *distilled, const struct attn_set *real);

/* Returns the mean over groups of tr(Sigma_A) = 1/(2 N^2) sum_ij |A_i - A_j|^2 (Eq. 13, 14), with
 * groups as in intra_class_attention and N images in each. NaN if no group has two images. */
double attention_trace(const struct attn_set *set, int group);
#endif
