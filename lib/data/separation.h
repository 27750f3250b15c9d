/* How far the classes of a set are apart in a space of features, and the images of a class from
 * each other (fd2-method(7), MEASURES). Distances are Euclidean, sums are in double. NaN is what a
 * set has not, such as the dispersion of a class of one image. */
#ifndef FD2_SEPARATION_H
#define FD2_SEPARATION_H
#include "lib/data/attention-measures.h"

struct class_separation {
	const char *name; /* the set's */
	int images;
	double dispersion;     /* D_c = mean |z_i - mu_c| */
	double inter_class;    /* I_c = mean over k != c of |mu_c - mu_k| */
	double nearest_centre; /* min over k != c of |mu_c - mu_k| */
	int nearest;           /* that k; -1: there is one class */
};

struct separation {
	double dispersion, inter_class, nearest_centre; /* means over the classes */
	double fisher_ratio;                            /* tr(S_b) / tr(S_w) */
	double silhouette; /* mean over the images, 0 for the only one of its class (Rousseeuw
	                      1987) */
	struct class_separation *classes; /* in the set's order */
	int n;
};

/* Compares all pairs of images, on par_threads() threads. */
void separation_of(struct separation *s, const struct attn_set *set);
void separation_free(struct separation *s);

/* Share of the images of `real` whose nearest image of `distilled` is of their class. Both sets
 * have features of one length. */
double nearest_accuracy(const struct attn_set *distilled, const struct attn_set *real);

/* Mean over the groups of tr(Sigma_A) = 1/(2 N^2) sum_ij |A_i - A_j|^2 (Eq. 13, 14), where a group
 * is as for intra_class_attention and N its images. NaN without a group of two. */
double attention_trace(const struct attn_set *set, int group);
#endif
