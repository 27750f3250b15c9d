/* Sums of the statistics of one layer over photographs. */
#ifndef FD2_STATISTICS_SUMS_H
#define FD2_STATISTICS_SUMS_H
#include "formats/stream/stream.h"
#include "lib/fd2/teacher/layer-statistics.h"

/* Sums of n means and n variances by class, and of the squares of all means. Initialise with
 * zeros. */
struct sums {
	int64_t n, classes;
	double *mean, *var; /* [K][n] */
	double *square;     /* [n] */
};

/* Adds the statistics mean and var [B,n] of B photographs with these labels [B]. -1:
 * tensor_error. */
int sums_add(
    struct sums *s, const Tensor *mean, const Tensor *var, const int64_t *labels, int classes);
void sums_free(struct sums *s);
/* Writes statistic `which`, a mean, and its variance for each class, both the averages over its
 * photographs; and if `all`, those of all photographs, whose variance includes that of the means.
 * count [K]: photographs. -1: fail_message. */
int sums_put(const struct sums *s, struct stream_writer *w, const char *layer, enum statistic which,
    bool all, const long *count);
#endif
