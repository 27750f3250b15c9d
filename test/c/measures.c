/* What fd2-eval counts: hits, confusion, calibration and likelihood, against sums written out
 * here; and where fd2-stat finds attention. */
#include <stdlib.h>

#include "lib/data/attention-measures.h"
#include "lib/fd2/batch/measures.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

enum { N = 300, K = 7 };

static struct answers {
	float logits[N][K];
	int64_t labels[N];
} a;

/* Logits of a spread that fills every bin of confidence, right more often than by chance. */
static void draw(void)
{
	struct rng r = rng_at(3, RNG_TEST, 0, 0, 0);
	for (int i = 0; i < N; i++) {
		double spread = rng_between(&r, 0.1, 5);
		a.labels[i] = rng_below(&r, K);
		for (int k = 0; k < K; k++)
			a.logits[i][k] = (float)(spread * (rng_normal(&r) + (k == a.labels[i])));
	}
}

static Tensor *rows(int first, int n)
{
	return tensor_from(a.logits[first], T_F32, 2, (int64_t[]){n, K});
}

static void count(struct scores *s)
{
	tensor_scope_begin(NO_GRAD);
	scores_count(s, rows(0, 100), a.labels);
	scores_count(s, rows(100, N - 100), a.labels + 100);
	tensor_scope_end();
}

/* p_k = exp(x_k) / sum_j exp(x_j), as it stands in the books */
static double probability(int i, int k)
{
	double sum = 0;
	for (int j = 0; j < K; j++)
		sum += exp(a.logits[i][j]);
	return exp(a.logits[i][k]) / sum;
}

/* How many logits are above the k-th. */
static int place(int i, int64_t k)
{
	int above = 0;
	for (int j = 0; j < K; j++)
		above += a.logits[i][j] > a.logits[i][k];
	return above;
}

static int first_of(int i)
{
	for (int k = 0; k < K; k++)
		if (place(i, k) == 0)
			return k;
	return -1;
}

static void hits_and_confusion(void)
{
	struct scores s;
	struct hits alone = {0};
	long top1 = 0, top5 = 0, confusion[K][K] = {{0}}, in_top5[K] = {0};
	scores_init(&s, K);
	count(&s);
	tensor_scope_begin(NO_GRAD);
	hits_count(&alone, rows(0, N), a.labels);
	tensor_scope_end();
	for (int i = 0; i < N; i++) {
		top1 += place(i, a.labels[i]) == 0;
		top5 += place(i, a.labels[i]) < 5;
		in_top5[a.labels[i]] += place(i, a.labels[i]) < 5;
		confusion[a.labels[i]][first_of(i)]++;
	}
	CHECK(top1 > N / 4 && top1 < N && top5 > top1 && top5 < N);
	CHECK(s.hits.n == N && s.hits.top1 == top1 && s.hits.top5 == top5);
	CHECK(alone.n == N && alone.top1 == top1 && alone.top5 == top5);
	CHECK(!memcmp(s.confusion, confusion, sizeof confusion));
	CHECK(!memcmp(s.in_top5, in_top5, sizeof in_top5));
	CHECK_NEAR(hits_top1(&alone), (double)top1 / N, 1e-12);
	scores_free(&s);
}

static void calibration(void)
{
	struct scores s;
	double ece = 0, nll = 0;
	int filled = 0;
	scores_init(&s, K);
	count(&s);
	for (int m = 1; m <= 15; m++) {
		double n = 0, right = 0, confidence = 0;
		for (int i = 0; i < N; i++) {
			double p = probability(i, first_of(i));
			if (p <= (m - 1) / 15.0 || p > m / 15.0)
				continue;
			n++;
			right += first_of(i) == a.labels[i];
			confidence += p;
		}
		filled += n > 0;
		if (n > 0)
			ece += n / N * fabs(right / n - confidence / n);
		CHECK(s.bins[m - 1].n == (long)n && s.bins[m - 1].right == (long)right);
		CHECK_NEAR(s.bins[m - 1].confidence, confidence, 1e-9);
	}
	for (int i = 0; i < N; i++)
		nll -= log(probability(i, (int)a.labels[i])) / N;
	CHECK(filled >= 12 && ece > 0.02);
	CHECK_NEAR(scores_ece(&s), ece, 1e-12);
	CHECK_NEAR(scores_nll(&s), nll, 1e-9);
	scores_free(&s);
}

/* By hand: sure by 0.75 and right, by 0.65 and wrong. */
static void two_answers(void)
{
	struct scores s;
	float logits[] = {(float)log(0.75), (float)log(0.25), (float)log(0.65), (float)log(0.35)};
	scores_init(&s, 2);
	tensor_scope_begin(NO_GRAD);
	scores_count(&s, tensor_from(logits, T_F32, 2, (int64_t[]){2, 2}), (int64_t[]){0, 1});
	tensor_scope_end();
	CHECK_NEAR(scores_ece(&s), (0.25 + 0.65) / 2, 1e-6);
	CHECK_NEAR(scores_nll(&s), -(log(0.75) + log(0.35)) / 2, 1e-6);
	CHECK(s.confusion[0] == 1 && s.confusion[1] == 0 && s.confusion[2] == 1 &&
	      s.confusion[3] == 0);
	json_t *o = json_pack("{s:o, s:[o, o]}", "calibration", scores_calibration(&s), "confusion",
	    scores_confusion(&s, 0), scores_confusion(&s, 1));
	json_t *classes = scores_of_classes(&s);
	json_object_update(o, classes);
	json_decref(classes);
	char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(4) | JSON_SORT_KEYS);
	CHECK_STR(text,
	    "{\"calibration\":[{\"accuracy\":0.0,\"confidence\":0.65,\"images\":1,\"within\":[0.6,"
	    "0.6667]},"
	    "{\"accuracy\":1.0,\"confidence\":0.75,\"images\":1,\"within\":[0.7333,0.8]}],"
	    "\"confusion\":[[1,0],[1,0]],\"images\":[1,1],\"top1\":[1.0,0.0],\"top5\":[1.0,1.0]}");
	free(text);
	json_decref(o);
	scores_clear(&s);
	CHECK(
	    s.hits.n == 0 && s.confusion[0] == 0 && isnan(scores_ece(&s)) && isnan(scores_nll(&s)));
	scores_free(&s);
}

/* A network that says the same of all classes, or nothing that is a number, is right nowhere,
 * and the matrix agrees. */
static void ties_and_nan(void)
{
	struct scores s;
	float logits[] = {1, 1, 0, 0, NAN, 0, NAN, NAN, NAN};
	scores_init(&s, 3);
	tensor_scope_begin(NO_GRAD);
	scores_count(&s, tensor_from(logits, T_F32, 2, (int64_t[]){3, 3}), (int64_t[]){0, 0, 2});
	tensor_scope_end();
	CHECK(s.hits.n == 3 && s.hits.top1 == 0 && s.hits.top5 == 3);
	CHECK(s.confusion[0] == 0 && s.confusion[1] == 2 && s.confusion[6] == 1 &&
	      s.confusion[8] == 0);
	CHECK(isnan(scores_ece(&s)) && isnan(scores_nll(&s)));
	scores_free(&s);
}

/* Two maps of two rows: columns lie along x. A cell that a box cuts counts by its share. */
static void mass_in_a_box(void)
{
	float v[] = {1, 2, 3, 10, 20, 30, 0, 0, 0, 0, 0, 100}, none[6] = {0};
	const struct array
	    A = {.dtype = DT_F32, .rank = 3, .shape = {2, 2, 3}, .size = sizeof v, .data = v},
	    empty = {
	        .dtype = DT_F32, .rank = 3, .shape = {1, 2, 3}, .size = sizeof none, .data = none};
	CHECK_NEAR(mass_inside(&A, (double[]){0, 0, 1, 1}), 1, 1e-12);
	CHECK_NEAR(mass_inside(&A, (double[]){1.0 / 3, 0.5, 1, 1}), 150.0 / 166, 1e-12);
	CHECK_NEAR(mass_inside(&A, (double[]){0, 0, 1.0 / 6, 0.75}), 3.0 / 166, 1e-12);
	CHECK_NEAR(mass_inside(&empty, (double[]){0, 0, 1, 1}), 0, 0);
}

static void groups_are_of_consecutive_images(void)
{
	static char *const keys[] = {"a/0001", "a/0002", "a/b/0003", "4", "a/0005"};
	static const int of_two[] = {0, 0, 1, 1, 2};
	for (int i = 0; i < 5; i++) {
		const struct attn_image s = {.key = keys[i]};
		CHECK(group_of(&s, 2) == of_two[i] && group_of(&s, 1) == i && group_of(&s, 0) == 0);
	}
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	draw();
	RUN(hits_and_confusion);
	RUN(calibration);
	RUN(two_answers);
	RUN(ties_and_nan);
	RUN(mass_in_a_box);
	RUN(groups_are_of_consecutive_images);
	return check_done();
}
