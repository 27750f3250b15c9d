/* Sums of the statistics of one layer over photographs. */
#ifndef FD2_STATISTICS_SUMS_H
#define FD2_STATISTICS_SUMS_H
#include "formats/stream/stream.h"
#include "lib/fd2/teacher/layer-statistics.h"

/* Of n means and variances by class, and of the squares of all means. Zeros are an empty one. */
struct sums {
	int64_t n, classes;
	double *mean, *var; /* [K][n] */
	double *square;     /* [n] */
};

/* Adds B photographs with these labels [B]; mean and var [B,n]. -1: tensor_error. */
int sums_add(
    struct sums *s, const Tensor *mean, const Tensor *var, const int64_t *labels, int classes);
void sums_free(struct sums *s);
/* Writes what it is called: the mean `which` and its variance of each class, which is the mean over
 * its photographs, and if `all` of all photographs, whose variance has that of the means in it.
 * count [K]: photographs. */
int sums_put(const struct sums *s, struct stream_writer *w, const char *layer, enum statistic which,
    bool all, const long *count);
#endif
