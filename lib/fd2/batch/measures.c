#include "lib/fd2/batch/measures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"

/* Returns logits as *n rows of *K floats, which the caller frees; *n is 0 if they cannot be
 * read. */
static float *read_rows(const Tensor *logits, int64_t *n, int64_t *K)
{
	*n = tensor_size(logits, 0);
	*K = tensor_size(logits, 1);
	float *v = xcalloc((size_t)(*n * *K) + 1, sizeof *v);
	if (tensor_read(logits, T_F32, v, *n * *K) < 0)
		*n = 0;
	return v;
}

/* Counts the other classes whose logits are not below the right one's. */
static int not_below(const float *row, int64_t K, int64_t right)
{
	int n = 0;
	for (int64_t k = 0; k < K; k++)
		n += k != right && !(row[k] < row[right]);
	return n;
}

static void add_hit(struct hits *h, int above)
{
	h->n++;
	h->top1 += above == 0;
	h->top5 += above < 5;
}

void hits_add(struct hits *h, const float *logits, int64_t classes, int64_t right)
{
	add_hit(h, not_below(logits, classes, right));
}

void hits_count(struct hits *h, const Tensor *logits, const int64_t *labels)
{
	int64_t n, K;
	float *v = read_rows(logits, &n, &K);
	for (int64_t i = 0; i < n; i++)
		hits_add(h, v + i * K, K, labels[i]);
	free(v);
}

double hits_top1(const struct hits *h)
{
	return h->n ? (double)h->top1 / (double)h->n : 0;
}

double hits_top5(const struct hits *h)
{
	return h->n ? (double)h->top5 / (double)h->n : 0;
}

void scores_init(struct scores *s, int classes)
{
	size_t K = (size_t)classes;
	*s = (struct scores){.classes = classes, .confusion = xcalloc(K * K, sizeof *s->confusion)};
	s->in_top5 = xcalloc(K, sizeof *s->in_top5);
}

void scores_free(struct scores *s)
{
	free(s->confusion);
	free(s->in_top5);
	*s = (struct scores){0};
}

void scores_clear(struct scores *s)
{
	size_t K = (size_t)s->classes;
	struct scores empty = {
	    .classes = s->classes, .confusion = s->confusion, .in_top5 = s->in_top5};
	memset(s->confusion, 0, K * K * sizeof *s->confusion);
	memset(s->in_top5, 0, K * sizeof *s->in_top5);
	*s = empty;
}

/* Returns the class of the highest logit; in a tie a wrong one, so that the diagonal of the
 * confusion matrix holds the hits. */
static int64_t taken_for(const float *row, int64_t K, int64_t right)
{
	int64_t best = right;
	for (int64_t k = 0; k < K; k++)
		if (k != right && (best == right ? !(row[k] < row[right]) : row[k] > row[best]))
			best = k;
	return best;
}

static double largest(const float *row, int64_t K)
{
	double max = row[0];
	for (int64_t k = 1; k < K; k++)
		max = fmax(max, row[k]);
	return max;
}

static double log_sum_exp(const float *row, int64_t K, double max)
{
	double sum = 0;
	for (int64_t k = 0; k < K; k++)
		sum += exp(row[k] - max);
	return max + log(sum);
}

/* Returns the bin of a probability; the first for a NaN. */
static int bin_of(double p)
{
	return p > 0 ? (int)ceil(fmin(p, 1) * CALIBRATION_BINS) - 1 : 0;
}

static void score(struct scores *s, const float *row, int64_t right)
{
	int64_t K = s->classes;
	int above = not_below(row, K, right);
	double max = largest(row, K), all = log_sum_exp(row, K, max), confidence = exp(max - all);
	struct calibration_bin *bin = &s->bins[bin_of(confidence)];
	add_hit(&s->hits, above);
	s->confusion[right * K + taken_for(row, K, right)]++;
	s->in_top5[right] += above < 5;
	s->nll += all - row[right];
	bin->n++;
	bin->right += above == 0;
	bin->confidence += confidence;
}

void scores_count(struct scores *s, const Tensor *logits, const int64_t *labels)
{
	int64_t n, K;
	float *v = read_rows(logits, &n, &K);
	for (int64_t i = 0; i < n; i++)
		score(s, v + i * K, labels[i]);
	free(v);
}

double scores_ece(const struct scores *s)
{
	double sum = 0;
	for (int m = 0; m < CALIBRATION_BINS; m++)
		sum += fabs((double)s->bins[m].right - s->bins[m].confidence);
	return sum / (double)s->hits.n;
}

double scores_nll(const struct scores *s)
{
	return s->nll / (double)s->hits.n;
}

json_t *scores_calibration(const struct scores *s)
{
	json_t *list = json_array();
	for (int m = 0; m < CALIBRATION_BINS; m++) {
		const struct calibration_bin *b = &s->bins[m];
		if (b->n)
			json_array_append_new(list,
			    json_pack("{s:[f, f], s:I, s:o, s:f}", "within",
			        (double)m / CALIBRATION_BINS, (double)(m + 1) / CALIBRATION_BINS,
			        "images", (json_int_t)b->n, "confidence",
			        json_real_or_null(b->confidence / (double)b->n), "accuracy",
			        (double)b->right / (double)b->n));
	}
	return list;
}

json_t *scores_confusion(const struct scores *s, int class)
{
	const long *taken = s->confusion + (size_t) class * (size_t)s->classes;
	json_t *row = json_array();
	for (int k = 0; k < s->classes; k++)
		json_array_append_new(row, json_integer(taken[k]));
	return row;
}

json_t *scores_of_classes(const struct scores *s)
{
	json_t *images = json_array(), *top1 = json_array(), *top5 = json_array();
	for (int y = 0; y < s->classes; y++) {
		const long *taken = s->confusion + (size_t)y * (size_t)s->classes;
		long n = 0;
		for (int k = 0; k < s->classes; k++)
			n += taken[k];
		json_array_append_new(images, json_integer(n));
		json_array_append_new(top1, json_real_or_null((double)taken[y] / (double)n));
		json_array_append_new(top5, json_real_or_null((double)s->in_top5[y] / (double)n));
	}
	return json_pack("{s:o, s:o, s:o}", "images", images, "top1", top1, "top5", top5);
}
