/* Metrics of a classifier over a data set: accuracy, calibration, confusion. */
#ifndef FD2_MEASURES_H
#define FD2_MEASURES_H
#include <jansson.h>

#include "lib/torch/tensor.h"

/* Correct predictions. A tie with the right class, or a NaN, does not count as correct. */
struct hits {
	long n, top1, top5;
};
/* Counts one sample: its logits [K] and its right class. */
void hits_add(struct hits *h, const float *logits, int64_t classes, int64_t right);
/* Counts n samples: their logits [n,K] and labels [n]. */
void hits_count(struct hits *h, const Tensor *logits, const int64_t *labels);
/* Return accuracies from 0 to 1; 0 without images. */
double hits_top1(const struct hits *h);
double hits_top5(const struct hits *h);

/* All metrics, from the softmax at temperature 1 in double. */
enum { CALIBRATION_BINS = 15 };
struct calibration_bin {
	long n, right;
	double confidence; /* sum of the largest probabilities, each in ((m - 1) / 15, m / 15] */
};
struct scores {
	int classes;
	struct hits hits;
	long *confusion; /* [K][K]: images of the row's class predicted as the column's */
	long *in_top5;   /* [K]: top-5 hits of each class */
	double nll;      /* sum of -log p_y */
	struct calibration_bin bins[CALIBRATION_BINS];
};
void scores_init(struct scores *s, int classes);
void scores_free(struct scores *s);
void scores_clear(struct scores *s);
void scores_count(struct scores *s, const Tensor *logits, const int64_t *labels);
/* Returns the expected calibration error over 15 bins of equal width, sum_m |B_m| / n |acc(B_m) -
 * conf(B_m)| (Guo et al. 2017). NaN without images. */
double scores_ece(const struct scores *s);
/* Returns the mean of -log p_y, in nats. */
double scores_nll(const struct scores *s);
/* Returns {"images", "top1", "top5": a number per class, null for a class without images}.
 * Accuracies are from 0 to 1. These three functions return new references. */
json_t *scores_of_classes(const struct scores *s);
/* Returns one row of the confusion matrix: all of it would take some 50 bytes per entry. */
json_t *scores_confusion(const struct scores *s, int class);
/* Returns the bins that hold images. */
json_t *scores_calibration(const struct scores *s);
#endif
