#include "lib/fd2/teacher/statistics-sums.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"

static void allocate(struct sums *s, int64_t n, int classes)
{
	s->n = n;
	s->classes = classes;
	s->mean = xcalloc((size_t)(classes * n), sizeof *s->mean);
	s->var = xcalloc((size_t)(classes * n), sizeof *s->var);
	s->square = xcalloc((size_t)n, sizeof *s->square);
}

void sums_free(struct sums *s)
{
	free(s->mean);
	free(s->var);
	free(s->square);
	*s = (struct sums){0};
}

static void add_row(struct sums *s, int64_t label, const float *mean, const float *var)
{
	for (int64_t i = 0; i < s->n; i++) {
		s->mean[label * s->n + i] += mean[i];
		s->var[label * s->n + i] += var[i];
		s->square[i] += (double)mean[i] * mean[i];
	}
}

int sums_add(
    struct sums *s, const Tensor *mean, const Tensor *var, const int64_t *labels, int classes)
{
	int64_t B = tensor_size(mean, 0), n = tensor_size(mean, 1);
	float *v = xcalloc(2 * (size_t)(B * n) + 1, sizeof *v), *variances = v + B * n;
	int err =
	    tensor_read(mean, T_F32, v, B * n) < 0 || tensor_read(var, T_F32, variances, B * n) < 0;
	if (!err && !s->n)
		allocate(s, n, classes);
	for (int64_t i = 0; i < B && !err; i++)
		add_row(s, labels[i], v + i * n, variances + i * n);
	free(v);
	return err ? -1 : 0;
}

/* Computes mean and variance [n] of all photographs. */
static void of_all(const struct sums *s, float *mean, float *var, const long *count)
{
	double N = 0;
	for (int64_t k = 0; k < s->classes; k++)
		N += (double)count[k];
	for (int64_t i = 0; i < s->n; i++) {
		double m = 0, v = s->square[i] / N;
		for (int64_t k = 0; k < s->classes; k++) {
			m += s->mean[k * s->n + i] / N;
			v += s->var[k * s->n + i] / N;
		}
		mean[i] = (float)m;
		var[i] = (float)fmax(v - m * m, 0);
	}
}

/* Computes the average mean and variance [K][n] of each class's photographs. */
static void of_classes(const struct sums *s, float *mean, float *var, const long *count)
{
	for (int64_t i = 0; i < s->classes * s->n; i++) {
		mean[i] = (float)(s->mean[i] / (double)count[i / s->n]);
		var[i] = (float)(s->var[i] / (double)count[i / s->n]);
	}
}

static int put(struct stream_writer *w, const char *layer, enum statistic which, int rank,
    const int64_t *shape, const float *v)
{
	char *name =
	    xasprintf("%s/%s%s", layer, rank == 2 ? CLASS_PREFIX : "", statistic_names[which]);
	int err = fd2_stream_put(w, name, DT_F32, rank, shape, v);
	free(name);
	return err;
}

int sums_put(const struct sums *s, struct stream_writer *w, const char *layer, enum statistic which,
    bool all, const long *count)
{
	int64_t shape[] = {s->classes, s->n}, elements = s->classes * s->n;
	float *mean = xcalloc(2 * (size_t)elements, sizeof *mean), *var = mean + elements;
	int err = 0;
	if (all) {
		of_all(s, mean, var, count);
		err = put(w, layer, which, 1, shape + 1, mean) < 0 ||
		      put(w, layer, which + 1, 1, shape + 1, var) < 0;
	}
	of_classes(s, mean, var, count);
	err = err || put(w, layer, which, 2, shape, mean) < 0 ||
	      put(w, layer, which + 1, 2, shape, var) < 0;
	free(mean);
	return err ? -1 : 0;
}
