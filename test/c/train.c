/* What fd2-teacher's options add to training: attention-guided crops and drops, CAL's own loss
 * and centres, averages, schedules. */
#include <math.h>
#include <stdlib.h>

#include "lib/fd2/teacher/cal-augment.h"
#include "lib/fd2/teacher/losses.h"
#include "lib/fd2/teacher/cal.h"
#include "lib/nn/ema.h"
#include "lib/nn/optim.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

enum { S = 11, PIXELS = 3 * S * S };

/* Red is the column, green the row, blue 1. */
static void ramp(float *pixels)
{
	for (int i = 0; i < S * S; i++) {
		pixels[3 * i] = (float)(i % S);
		pixels[3 * i + 1] = (float)(i / S);
		pixels[3 * i + 2] = 1;
	}
}

/* The map's only mass is its top left corner, so at the image's size it is (1 - y/10)(1 - x/10). */
static double mass_at(int i)
{
	return (1 - (i / S) / 10.0) * (1 - (i % S) / 10.0);
}

static void check_crop(const float *crop)
{
	double right = crop[3 * (S - 1)],
	       low = crop[3 * (S - 1) * S + 1]; /* the last column and row that are shown */
	CHECK(right >= 5 && right <= 7 &&
	      right == floor(right)); /* theta in (0.4, 0.6) reaches 4 to 6, padding adds 1 */
	CHECK(low == right);
	for (int i = 0; i < S * S; i++) {
		CHECK_NEAR(crop[3 * i], (i % S) * right / 10, 1e-6);
		CHECK_NEAR(crop[3 * i + 1], (i / S) * low / 10, 1e-6);
	}
}

static void check_drop(const float *drop)
{
	double least_dropped = 1, most_kept = 0;
	for (int i = 0; i < S * S; i++)
		if (drop[3 * i + 2] == 0)
			least_dropped = fmin(least_dropped, mass_at(i));
		else
			most_kept = fmax(most_kept, mass_at(i));
	CHECK(most_kept < least_dropped && least_dropped >= 0.2 && most_kept < 0.5);
}

static void guided_views(void)
{
	enum { N = 20 };
	static float pixels[N * PIXELS], out[2 * N * PIXELS], again[2 * N * PIXELS];
	float A[N * 4] = {0};
	for (int i = 0; i < N; i++) {
		ramp(pixels + i * PIXELS);
		A[4 * i] = 0.5;
	}
	tensor_scope_begin(NO_GRAD);
	Tensor *maps = tensor_from(A, T_F32, 4, (int64_t[]){N, 1, 2, 2});
	CHECK(cal_augment(out, pixels, maps, S, 1, 2, 3) == 0);
	CHECK(cal_augment(again, pixels, maps, S, 1, 2, 3) == 0);
	CHECK(!memcmp(out, again, sizeof out));
	CHECK(cal_augment(again, pixels, maps, S, 1, 3, 3) == 0);
	CHECK(memcmp(out, again, sizeof out) != 0);
	for (int i = 0; i < N; i++) {
		check_crop(out + i * PIXELS);
		check_drop(out + (N + i) * PIXELS);
	}
	tensor_scope_end();
}

/* Two maps of masses 4 and 1 are drawn 2 to 1. */
static void guided_map(void)
{
	enum { N = 600 };
	static float pixels[N * PIXELS], out[2 * N * PIXELS], A[N * 2 * 4];
	int left = 0;
	for (int i = 0; i < N; i++) {
		ramp(pixels + i * PIXELS);
		A[8 * i] = 4;
		A[8 * i + 4 + 3] = 1;
	}
	tensor_scope_begin(NO_GRAD);
	CHECK(cal_augment(
	          out, pixels, tensor_from(A, T_F32, 4, (int64_t[]){N, 2, 2, 2}), S, 1, 0, 0) == 0);
	for (int i = 0; i < N; i++)
		left += out[i * PIXELS] == 0;
	CHECK_NEAR((double)left / N, 2.0 / 3, 0.06);
	tensor_scope_end();
}

/* From 0 to 2, with the moments of a uniform distribution. */
static void counterfactuals(void)
{
	enum { N = 4, M = 5, HW = 400, ALL = N * M * HW };
	static float v[ALL];
	double sum = 0, squares = 0;
	int outside = 0;
	struct rng r = rng_at(1, RNG_TEST, 0, 0, 0);
	tensor_scope_begin(NO_GRAD);
	Tensor *A = tensor_full(9, T_F32, 4, (int64_t[]){N, M, 20, HW / 20}),
	       *other = counterfactual_attention(A, &r);
	CHECK(tensor_size(other, 1) == M && tensor_size(other, 3) == HW / 20);
	CHECK(tensor_read(other, T_F32, v, ALL) == 0);
	tensor_scope_end();
	for (int i = 0; i < ALL; i++) {
		outside += v[i] < 0 || v[i] > 2;
		sum += (double)v[i] / ALL;
		squares += (double)v[i] * (double)v[i] / ALL;
	}
	CHECK(outside == 0);
	CHECK_NEAR(sum, 1, 0.033); /* five standard errors */
	CHECK_NEAR(squares, 4.0 / 3, 0.067);
}

enum { B = 2, K = 3, D = 2 };

static double mean_ce(const double *p, const int64_t *y, int n)
{
	double sum = 0;
	for (int b = 0; b < n; b++) {
		double z = 0;
		for (int k = 0; k < K; k++)
			z += exp(p[b * K + k]);
		sum += log(z) - p[b * K + y[b]];
	}
	return sum / n;
}

static Tensor *logits(const double *p, int n)
{
	return tensor_from(p, T_F64, 2, (int64_t[]){n, K});
}

static void augmented_loss(void)
{
	const int64_t y[] = {2, 0, 2, 0, 2, 0};
	const double raw[] = {0.1, -0.4, 0.9, 1.2, 0.3, -0.2},
	             effect[] = {0.5, 0.2, -0.7, 0.1, 0.6, 0.4};
	const double raw2[] = {0.3, 0.1, 0.2, -1, 0.4, 0.8, 0.2, 0.2, 1.1, 0.7, -0.3, 0.1};
	const double effects[] = {0.5, 0.2, -0.7, 0.1, 0.6, 0.4, 0.2, -0.3, 0.5, 0.9, 0.8, -0.6,
	    0.3, 0.3, 0.1, -0.2, 0.4, 1.3};
	tensor_scope_begin(NO_GRAD);
	Tensor *labels = tensor_from(y, T_I64, 1, (int64_t[]){B}),
	       *center = tensor_full(0.7, T_F64, 0, NULL);
	Tensor *loss = loss_cal_augmented(logits(raw, B), logits(effect, B), logits(raw2, 2 * B),
	    logits(effects + B * K, 2 * B), labels, center, 1.5, 0);
	double want = mean_ce(raw, y, B) / 3 + mean_ce(effects, y, 3 * B) +
	              2 * mean_ce(raw2, y, 2 * B) / 3 + 1.5 * 0.7;
	CHECK_NEAR(tensor_item(loss), want, 1e-12);
	tensor_scope_end();
}

/* Class 1 comes twice: its last sample counts. Class 2 has no sample and stays. */
static void cal_centers(void)
{
	const int64_t y[] = {1, 0, 1};
	const double c[K * D] = {0, 0, 3, 4, 1, 2}, z[3 * D] = {9, 9, 0.6, 0.8, 1, 0}, mu = 0.05;
	const double want[K * D] = {
	    mu * 0.6, mu * 0.8, 3 + mu * (1 - 0.6), 4 + mu * (0 - 0.8), 1, 2};
	double got[K * D];
	tensor_scope_begin(NO_GRAD);
	Tensor *prototypes = tensor_from(c, T_F64, 2, (int64_t[]){K, D});
	prototypes_update_cal(prototypes, tensor_from(z, T_F64, 2, (int64_t[]){3, D}), y, mu);
	CHECK(tensor_read(prototypes, T_F64, got, K * D) == 0);
	for (int i = 0; i < K * D; i++)
		CHECK_NEAR(got[i], want[i], 1e-14);
	tensor_scope_end();
}

static void running_average(void)
{
	struct params p = {0};
	struct linear l;
	struct ema e;
	double now[2] = {1, 2}, want[2] = {1, 2}, got[2];
	tensor_scope_begin(NO_GRAD);
	linear_init(&l, &p, "fc", 2, 1, BIAS_NONE);
	tensor_copy_(l.weight, tensor_from(now, T_F64, 2, (int64_t[]){1, 2}));
	ema_init(&e, &p, 0.7);
	for (int t = 1; t <= 30; t++) {
		double d = fmin(0.7, (1.0 + t) / (10.0 + t));
		for (int i = 0; i < 2; i++) {
			now[i] += 0.25;
			want[i] = d * want[i] + (1 - d) * now[i];
		}
		tensor_copy_(l.weight, tensor_from(now, T_F64, 2, (int64_t[]){1, 2}));
		ema_update(&e, t);
	}
	ema_swap(&e);
	CHECK(tensor_read(l.weight, T_F64, got, 2) == 0);
	CHECK_NEAR(got[0], want[0], 1e-5);
	CHECK_NEAR(got[1], want[1], 1e-5);
	ema_swap(&e);
	CHECK(tensor_read(l.weight, T_F64, got, 2) == 0);
	CHECK_NEAR(got[0], now[0], 0);
	ema_free(&e);
	params_free(&p);
	tensor_scope_end();
}

static void schedules(void)
{
	CHECK_NEAR(lr_exponential(1e-3, 0), 1e-3, 0);
	CHECK_NEAR(lr_exponential(1e-3, 2), 9e-4, 1e-16);
	CHECK_NEAR(lr_exponential(1e-3, 7), 1e-3 * pow(0.9, 3.5), 1e-16);
	CHECK_NEAR(lr_cosine(0.1, 2, 10, 4, 1), 0.05, 1e-16);
	CHECK_NEAR(lr_cosine(0.1, 7, 10, 4, 1), 0.05, 1e-16);
	CHECK_NEAR(lr_cosine(0.1, 10, 10, 4, 1), 0, 1e-16);
	CHECK_NEAR(lr_cosine(0.1, 10, 10, 0, 2), 0.05, 1e-16);
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(guided_views);
	RUN(guided_map);
	RUN(counterfactuals);
	RUN(augmented_loss);
	RUN(cal_centers);
	RUN(running_average);
	RUN(schedules);
	return check_done();
}
