/* Equations 3-12 in f64: every value against a scalar re-derivation written from the paper,
 * every gradient against central differences of that re-derivation. Nothing here calls the code
 * under test to check it. */
#include "lib/fd2/teacher/losses.h"

#include <stdlib.h>

#include "lib/base/rng.h"
#include "lib/fd2/teacher/cal.h"
#include "lib/fd2/distill/bn-loss.h"
#include "lib/nn/backbone.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

enum {
	B = 3,
	C = 2,
	M = 2,
	h = 3,
	w = 2,
	HW = h * w,
	D = M * C,
	K = 4,
	K_MAX = 5,
	J = 3,
	N_MAX = 256
};

static const int64_t y[B] = {1, 3, 1}; /* a class that comes twice */

static void draw(double *v, int n, double lo, double hi, uint64_t what)
{
	struct rng r = rng_at(7, RNG_TEST, what, 0, 0);
	for (int i = 0; i < n; i++)
		v[i] = rng_between(&r, lo, hi);
}

static Tensor *tensor(const double *v, int rank, const int64_t *shape)
{
	return tensor_from(v, T_F64, rank, shape);
}

static Tensor *labels(void)
{
	return tensor_from(y, T_I64, 1, (int64_t[]){B});
}

/* A loss of one input: as tensors and as scalars. */
typedef Tensor *tensor_fn(const Tensor *x);
typedef double scalar_fn(const double *x);

/* Relative error at most 1e-6, of the value and of every partial derivative (against the largest
 * of them). */
static void check(
    tensor_fn *f, scalar_fn *g, const double *at, int n, int rank, const int64_t *shape)
{
	double x[N_MAX], grad[N_MAX], want[N_MAX], largest = 0;
	memcpy(x, at, (size_t)n * sizeof *x);
	tensor_scope_begin(GRAD);
	Tensor *t = tensor(x, rank, shape), *d;
	tensor_requires_grad_(t, true);
	Tensor *loss = f(t);
	CHECK_STR(tensor_error(), NULL);
	double value = g(x);
	CHECK_NEAR(tensor_item(loss), value, 1e-6 * fabs(value) + 1e-14);
	CHECK(tensor_grad(loss, &t, 1, &d, false) == 0 && tensor_read(d, T_F64, grad, n) == 0);
	for (int i = 0; i < n; i++) {
		const double step = 1e-6;
		x[i] = at[i] + step;
		double up = g(x);
		x[i] = at[i] - step;
		want[i] = (up - g(x)) / (2 * step);
		x[i] = at[i];
		largest = fmax(largest, fabs(want[i]));
	}
	CHECK(largest > 0);
	for (int i = 0; i < n; i++)
		CHECK_NEAR(grad[i], want[i], 1e-6 * largest + 1e-9);
	tensor_scope_end();
}

static double cross_entropy(const double *logits, int n, int64_t label, double smoothing)
{
	double sum = 0, mean = 0;
	for (int k = 0; k < n; k++)
		sum += exp(logits[k]);
	for (int k = 0; k < n; k++)
		mean += (log(sum) - logits[k]) / n;
	return (1 - smoothing) * (log(sum) - logits[label]) + smoothing * mean;
}

static double mean_ce(const double *logits, double smoothing)
{
	double sum = 0;
	for (int b = 0; b < B; b++)
		sum += cross_entropy(logits + b * K, K, y[b], smoothing) / B;
	return sum;
}

static double l2(const double *u, const double *v, int n)
{
	double uu = 0, vv = 0, dd = 0;
	for (int i = 0; i < n; i++) {
		uu += u[i] * u[i];
		vv += v[i] * v[i];
		dd += (u[i] - v[i]) * (u[i] - v[i]);
	}
	return sqrt(dd) / (sqrt(uu) + sqrt(vv) + 1e-8);
}

static double F_[B * C * HW], A_[B * M * HW], bar_[B * M * HW], mix_[B * D], W_[K * D];

static void pool(double *z, const double *F, const double *A)
{
	for (int b = 0; b < B; b++) {
		double norm = 0, *r = z + b * D;
		for (int m = 0; m < M; m++)
			for (int c = 0; c < C; c++) {
				double v = 0;
				for (int i = 0; i < HW; i++)
					v += A[(b * M + m) * HW + i] * F[(b * C + c) * HW + i] / HW;
				r[m * C + c] = (v > 0 ? 1 : v < 0 ? -1 : 0) * sqrt(fabs(v) + 1e-6);
				norm += r[m * C + c] * r[m * C + c];
			}
		for (int d = 0; d < D; d++)
			r[d] /= fmax(sqrt(norm), 1e-12);
	}
}

/* A number out of z, so that all of its gradient counts. */
static double mixed(const double *z)
{
	double sum = 0;
	for (int i = 0; i < B * D; i++)
		sum += z[i] * mix_[i];
	return sum;
}

static Tensor *mixed_tensor(const Tensor *z)
{
	return tensor_sum(tensor_mul(z, tensor(mix_, 2, (int64_t[]){B, D})), 0, NULL, false);
}

static Tensor *phi_of_F(const Tensor *F)
{
	return mixed_tensor(bilinear_attention_pooling(F, tensor(A_, 4, (int64_t[]){B, M, h, w})));
}

static double phi_of_F_scalar(const double *F)
{
	double z[B * D];
	pool(z, F, A_);
	return mixed(z);
}

static Tensor *phi_of_A(const Tensor *A)
{
	return mixed_tensor(bilinear_attention_pooling(tensor(F_, 4, (int64_t[]){B, C, h, w}), A));
}

static double phi_of_A_scalar(const double *A)
{
	double z[B * D];
	pool(z, F_, A);
	return mixed(z);
}

static const double weight[M * C] = {0.9, -0.4, 0.3, 0.8}, gamma_[M] = {1.2, 0.7},
                               shift[M] = {-0.1, 0.2};
static const double mean[M] = {0.1, -0.2}, var[M] = {0.5, 1.5};

/* A = ReLU(BN(g * F)) in evaluation. */
static Tensor *attention_of_F(const Tensor *F)
{
	struct pass pass = {.bn = BN_RUNNING};
	struct cal cal = {.conv = {.weight = tensor(weight, 4, (int64_t[]){M, C, 1, 1}),
	                      .shape = {.stride = 1, .groups = 1}},
	    .bn.eps = 1e-3};
	int64_t shape[] = {M};
	cal.bn.weight = tensor(gamma_, 1, shape);
	cal.bn.bias = tensor(shift, 1, shape);
	cal.bn.mean = tensor(mean, 1, shape);
	cal.bn.var = tensor(var, 1, shape);
	return tensor_sum(
	    tensor_mul(cal_attention(&cal, F, &pass), tensor(bar_, 4, (int64_t[]){B, M, h, w})), 0,
	    NULL, false);
}

static double attention_of_F_scalar(const double *F)
{
	double sum = 0;
	for (int b = 0; b < B; b++)
		for (int m = 0; m < M; m++)
			for (int i = 0; i < HW; i++) {
				double a = 0;
				for (int c = 0; c < C; c++)
					a += weight[m * C + c] * F[(b * C + c) * HW + i];
				a = (a - mean[m]) / sqrt(var[m] + 1e-3) * gamma_[m] + shift[m];
				sum += a > 0 ? a * bar_[(b * M + m) * HW + i] : 0;
			}
	return sum;
}

/* CE of p_eff = W(100 z) - W(100 z^), by F. */
static Tensor *effect_of_F(const Tensor *F)
{
	struct cal cal = {.fc.weight = tensor(W_, 2, (int64_t[]){K, D})};
	Tensor *z = bilinear_attention_pooling(F, tensor(A_, 4, (int64_t[]){B, M, h, w}));
	Tensor *other = bilinear_attention_pooling(F, tensor(bar_, 4, (int64_t[]){B, M, h, w}));
	return tensor_cross_entropy(
	    tensor_sub(cal_logits(&cal, z), cal_logits(&cal, other)), labels(), 0);
}

static double effect_of_F_scalar(const double *F)
{
	double z[B * D], other[B * D], p[B * K] = {0};
	pool(z, F, A_);
	pool(other, F, bar_);
	for (int b = 0; b < B; b++)
		for (int k = 0; k < K; k++)
			for (int d = 0; d < D; d++)
				p[b * K + k] +=
				    W_[k * D + d] * 100 * (z[b * D + d] - other[b * D + d]);
	return mean_ce(p, 0);
}

static void eq3_eq4(void)
{
	draw(F_, B * C * HW, -1, 1, 1);
	draw(A_, B * M * HW, 0.1, 1, 2);
	draw(bar_, B * M * HW, 0, 2, 3);
	draw(mix_, B * D, -1, 1, 4);
	draw(W_, K * D, -0.03, 0.03, 5);
	check(attention_of_F, attention_of_F_scalar, F_, B * C * HW, 4, (int64_t[]){B, C, h, w});
	check(phi_of_F, phi_of_F_scalar, F_, B * C * HW, 4, (int64_t[]){B, C, h, w});
	check(phi_of_A, phi_of_A_scalar, A_, B * M * HW, 4, (int64_t[]){B, M, h, w});
	check(effect_of_F, effect_of_F_scalar, F_, B * C * HW, 4, (int64_t[]){B, C, h, w});
}

static double z_[B * D], c_[K_MAX * D];

static Tensor *center(const Tensor *z)
{
	return loss_center(z, tensor(c_, 2, (int64_t[]){K, D}), labels());
}

static double center_scalar(const double *z)
{
	double sum = 0;
	for (int b = 0; b < B; b++) {
		const double *c = c_ + y[b] * D;
		double norm = 0;
		for (int d = 0; d < D; d++)
			norm += c[d] * c[d];
		for (int d = 0; d < D; d++)
			sum += pow(z[b * D + d] - c[d] / fmax(sqrt(norm), 1e-12), 2) / B;
	}
	return sum;
}

static void draw_z_and_c(void)
{
	draw(z_, B * D, -1, 1, 6);
	draw(c_, K_MAX * D, -1, 1, 7);
}

static void eq5_center(void)
{
	draw_z_and_c();
	check(center, center_scalar, z_, B * D, 2, (int64_t[]){B, D});
}

/* Before the first update all prototypes are zero: nothing may become NaN. */
static void eq5_zero_prototypes(void)
{
	draw_z_and_c();
	memset(c_, 0, sizeof c_);
	check(center, center_scalar, z_, B * D, 2, (int64_t[]){B, D});
}

/* At its own prototype the loss is at its least. */
static void eq5_on_the_prototype(void)
{
	double grad[B * D];
	draw_z_and_c();
	tensor_scope_begin(GRAD);
	Tensor *c = tensor(c_, 2, (int64_t[]){K, D}),
	       *z = tensor_index_select(normalized_rows(c), 0, labels()), *d;
	z = tensor_detach(z);
	tensor_requires_grad_(z, true);
	Tensor *loss = loss_center(z, c, labels());
	CHECK_NEAR(tensor_item(loss), 0, 0);
	CHECK(tensor_grad(loss, &z, 1, &d, false) == 0 && tensor_read(d, T_F64, grad, B * D) == 0);
	for (int i = 0; i < B * D; i++)
		CHECK_NEAR(grad[i], 0, 0);
	tensor_scope_end();
}

static void eq5_update(void)
{
	const double mu = 0.05;
	double want[K * D], got[K * D];
	draw_z_and_c();
	memcpy(want, c_, sizeof want);
	for (int b = 0; b < B; b++)
		for (int d = 0; d < D; d++)
			want[y[b] * D + d] = (1 - mu) * want[y[b] * D + d] + mu * z_[b * D + d];
	tensor_scope_begin(NO_GRAD);
	Tensor *c = tensor(c_, 2, (int64_t[]){K, D});
	prototypes_update(c, tensor(z_, 2, (int64_t[]){B, D}), y, mu);
	CHECK(tensor_read(c, T_F64, got, K * D) == 0);
	for (int i = 0; i < K * D; i++)
		CHECK_NEAR(got[i], want[i], 1e-14);
	tensor_scope_end();
}

static double p_[B * K], q_[B * K], Wbb_[K * C], bias_[K];

static Tensor *cal_of_raw(const Tensor *p_raw)
{
	Tensor *l_center = tensor_full(0.7, T_F64, 0, NULL);
	return loss_cal(p_raw, tensor(q_, 2, (int64_t[]){B, K}), labels(), l_center, 1.5, 0.1);
}

static double cal_of_raw_scalar(const double *p)
{
	return mean_ce(p, 0.1) + mean_ce(q_, 0.1) + 1.5 * 0.7;
}

static Tensor *cal_of_effect(const Tensor *p_eff)
{
	Tensor *l_center = tensor_full(0.7, T_F64, 0, NULL);
	return loss_cal(tensor(q_, 2, (int64_t[]){B, K}), p_eff, labels(), l_center, 1.5, 0.1);
}

static Tensor *cal_of_center(const Tensor *l_center)
{
	Tensor *p = tensor(p_, 2, (int64_t[]){B, K}), *q = tensor(q_, 2, (int64_t[]){B, K});
	return loss_cal(p, q, labels(), l_center, 1.5, 0);
}

static double cal_of_center_scalar(const double *l_center)
{
	return mean_ce(p_, 0) + mean_ce(q_, 0) + 1.5 * *l_center;
}

static double smoothing_;

static Tensor *pre_of_F(const Tensor *F)
{
	static const struct arch plain;
	struct backbone b = {.arch = &plain,
	    .classifier = {tensor(Wbb_, 2, (int64_t[]){K, C}), tensor(bias_, 1, (int64_t[]){K})}};
	return loss_pre(backbone_logits(&b, F, &(struct pass){0}), tensor_full(2.5, T_F64, 0, NULL),
	    labels(), 0.3, smoothing_);
}

static double pre_of_F_scalar(const double *F)
{
	double p[B * K];
	for (int b = 0; b < B; b++)
		for (int k = 0; k < K; k++) {
			p[b * K + k] = bias_[k];
			for (int c = 0; c < C; c++)
				for (int i = 0; i < HW; i++)
					p[b * K + k] +=
					    Wbb_[k * C + c] * F[(b * C + c) * HW + i] / HW;
		}
	return (1 - 0.3) * mean_ce(p, smoothing_) + 0.3 * 2.5;
}

static void eq6_eq7_eq8(void)
{
	draw(p_, B * K, -3, 3, 8);
	draw(q_, B * K, -3, 3, 9);
	draw(F_, B * C * HW, -2, 2, 10);
	draw(Wbb_, K * C, -1, 1, 11);
	draw(bias_, K, -1, 1, 12);
	check(cal_of_raw, cal_of_raw_scalar, p_, B * K, 2, (int64_t[]){B, K});
	check(cal_of_effect, cal_of_raw_scalar, p_, B * K, 2, (int64_t[]){B, K});
	check(cal_of_center, cal_of_center_scalar, (double[]){0.7}, 1, 0, NULL);
	for (int i = 0; i < 2; i++) {
		smoothing_ = 0.1 * i;
		check(pre_of_F, pre_of_F_scalar, F_, B * C * HW, 4, (int64_t[]){B, C, h, w});
	}
}

static double beta_;
static long negatives;
static int classes;
static int64_t label_of[B];

static Tensor *characteristic(const Tensor *z)
{
	Tensor *c = tensor(c_, 2, (int64_t[]){classes, D});
	return loss_F(z, c, tensor_from(label_of, T_I64, 1, (int64_t[]){B}), beta_, negatives);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double characteristic_scalar(const double *z)
{
	double sum = 0;
	for (int b = 0; b < B; b++) {
		double d[K_MAX], others = 0;
		int n = 0, used = classes - 1;
		for (int k = 0; k < classes; k++)
			if (k != label_of[b])
				d[n++] = l2(z + b * D, c_ + k * D, D);
		qsort(d, (size_t)n, sizeof *d, ascending);
		if (negatives && negatives < used)
			used = (int)negatives;
		for (int i = 0; i < used; i++)
			others += d[i] / used;
		sum +=
		    (beta_ * l2(z + b * D, c_ + label_of[b] * D, D) + (1 - beta_) * (1 - others)) /
		    B;
	}
	return sum;
}

static void choose_classes(int n)
{
	classes = n;
	for (int b = 0; b < B; b++)
		label_of[b] = y[b] % n;
}

static void eq9(void)
{
	static const double betas[] = {0, 0.25, 0.5, 1};
	draw_z_and_c();
	for (int n = 2; n <= K_MAX; n += 3)
		for (int i = 0; i < 4; i++)
			for (negatives = 0; negatives <= K_MAX; negatives++) {
				choose_classes(n);
				beta_ = betas[i];
				check(characteristic, characteristic_scalar, z_, B * D, 2,
				    (int64_t[]){B, D});
			}
	negatives = 0;
}

/* Before the first update every distance is 1. */
static void eq9_zero_prototypes(void)
{
	double grad[B * D];
	draw_z_and_c();
	memset(c_, 0, sizeof c_);
	choose_classes(K);
	beta_ = 0.3;
	tensor_scope_begin(GRAD);
	Tensor *z = tensor(z_, 2, (int64_t[]){B, D}), *d;
	tensor_requires_grad_(z, true);
	Tensor *loss = characteristic(z);
	CHECK_NEAR(tensor_item(loss), 0.3, 1e-7);
	CHECK(tensor_grad(loss, &z, 1, &d, false) == 0 && tensor_read(d, T_F64, grad, B * D) == 0);
	for (int i = 0; i < B * D; i++)
		CHECK_NEAR(grad[i], 0, 1e-7);
	tensor_scope_end();
}

/* A representation at its prototype has no direction to go; its gradient must be
 * finite all the same. */
static void eq9_on_the_prototype(void)
{
	double grad[B * D];
	draw_z_and_c();
	memcpy(z_, c_ + y[0] * D, D * sizeof *z_);
	choose_classes(K);
	beta_ = 0.5;
	tensor_scope_begin(GRAD);
	Tensor *z = tensor(z_, 2, (int64_t[]){B, D}), *d;
	tensor_requires_grad_(z, true);
	CHECK(tensor_grad(characteristic(z), &z, 1, &d, false) == 0 &&
	      tensor_read(d, T_F64, grad, B * D) == 0);
	for (int i = 0; i < B * D; i++)
		CHECK(isfinite(grad[i]));
	tensor_scope_end();
}

static double history_[J * B * M * HW];
static int64_t history_n;
static struct ls_form form = {.margin = 1};

static Tensor *similarity(const Tensor *A)
{
	return loss_S(A, tensor(history_, 5, (int64_t[]){history_n, B, M, h, w}), &form);
}

/* The attention of an image, as it is or with a sum of 1. */
static void attention_of_image(double *row, const double *A)
{
	double mass = 0;
	for (int i = 0; i < M * HW; i++)
		mass += A[i];
	for (int i = 0; i < M * HW; i++)
		row[i] = form.norm == LS_MASS ? A[i] / mass : A[i];
}

static double similarity_scalar(const double *A)
{
	double sum = 0, now[M * HW], then[M * HW];
	for (int j = 0; j < history_n; j++)
		for (int b = 0; b < B; b++) {
			attention_of_image(now, A + b * M * HW);
			attention_of_image(then, history_ + (j * B + b) * M * HW);
			sum += fmin(l2(now, then, M * HW), form.margin) / (double)(history_n * B);
		}
	return 1 - sum;
}

static void eq10(void)
{
	draw(A_, B * M * HW, 0, 1, 13);
	draw(history_, J * B * M * HW, 0, 1, 14);
	for (history_n = 1; history_n <= J; history_n++)
		for (int i = 0; i < 4; i++) {
			form = (struct ls_form){i % 2, i < 2 ? 1 : 0.37};
			check(similarity, similarity_scalar, A_, B * M * HW, 4,
			    (int64_t[]){B, M, h, w});
		}
	form = (struct ls_form){LS_NONE, 1};
}

/* With equal mass, weaker attention is no gain: neither is its loss, nor does the gradient go
 * there. */
static void eq10_weaker_attention(void)
{
	double grad[B * M * HW];
	draw(A_, B * M * HW, 0, 1, 13);
	draw(history_, B * M * HW, 0, 1, 14);
	history_n = 1;
	form.norm = LS_MASS;
	tensor_scope_begin(GRAD);
	Tensor *A = tensor(A_, 4, (int64_t[]){B, M, h, w}), *d;
	tensor_requires_grad_(A, true);
	Tensor *loss = similarity(A);
	CHECK_NEAR(tensor_item(similarity(tensor_affine(A, 0.01, 0))), tensor_item(loss), 1e-5);
	CHECK(tensor_grad(loss, &A, 1, &d, false) == 0 &&
	      tensor_read(d, T_F64, grad, B * M * HW) == 0);
	for (int b = 0; b < B; b++) {
		double along = 0;
		for (int i = b * M * HW; i < (b + 1) * M * HW; i++)
			along += grad[i] * A_[i];
		CHECK_NEAR(along, 0, 1e-7);
	}
	form.norm = LS_NONE;
	tensor_scope_end();
}

/* An image that looks where an earlier one looked: the worst value, and a finite gradient. */
static void eq10_same_attention(void)
{
	double grad[B * M * HW];
	draw(A_, B * M * HW, 0, 1, 13);
	memcpy(history_, A_, sizeof A_);
	history_n = 1;
	tensor_scope_begin(GRAD);
	Tensor *A = tensor(A_, 4, (int64_t[]){B, M, h, w}), *d;
	tensor_requires_grad_(A, true);
	Tensor *loss = similarity(A);
	CHECK_NEAR(tensor_item(loss), 1, 0);
	CHECK(tensor_grad(loss, &A, 1, &d, false) == 0 &&
	      tensor_read(d, T_F64, grad, B * M * HW) == 0);
	for (int i = 0; i < B * M * HW; i++)
		CHECK(isfinite(grad[i]));
	tensor_scope_end();
}

static Tensor *cls(const Tensor *p_cal)
{
	return loss_cls(tensor(q_, 2, (int64_t[]){B, K}), p_cal, labels(), 0.3);
}

static double cls_scalar(const double *p)
{
	return (1 - 0.3) * mean_ce(q_, 0) + 0.3 * mean_ce(p, 0);
}

static Tensor *cls_of_bb(const Tensor *p_bb)
{
	return loss_cls(p_bb, tensor(q_, 2, (int64_t[]){B, K}), labels(), 0.3);
}

static double cls_of_bb_scalar(const double *p)
{
	return (1 - 0.3) * mean_ce(p, 0) + 0.3 * mean_ce(q_, 0);
}

static void eq11(void)
{
	draw(p_, B * K, -3, 3, 15);
	draw(q_, B * K, -3, 3, 16);
	check(cls, cls_scalar, p_, B * K, 2, (int64_t[]){B, K});
	check(cls_of_bb, cls_of_bb_scalar, p_, B * K, 2, (int64_t[]){B, K});
}

static bool with_F, with_S;
static double weight_S;

static Tensor *total_part(const Tensor *terms, int i)
{
	return tensor_sum(tensor_narrow(terms, 0, i, 1), 0, NULL, false);
}

static Tensor *total(const Tensor *terms)
{
	Tensor *F = with_F ? total_part(terms, 2) : NULL, *S = with_S ? total_part(terms, 3) : NULL;
	return loss_total(total_part(terms, 0), total_part(terms, 1), F, S, 0.8, weight_S);
}

static double total_scalar(const double *terms)
{
	return terms[0] + terms[1] + (with_F ? 0.8 * terms[2] : 0) +
	       (with_S ? weight_S * terms[3] : 0);
}

static void eq12(void)
{
	for (int i = 0; i < 8; i++) {
		with_F = i & 1;
		with_S = i & 2;
		weight_S = i & 4 ? 3 : 0.2;
		check(total, total_scalar, (double[]){2, 3, 5, 7}, 4, 1, (int64_t[]){4});
	}
}

static double mean_[C], var_[C];
static enum bn_form bn_form;

static Tensor *bn_layer(const Tensor *x)
{
	struct bn bn = {
	    .mean = tensor(mean_, 1, (int64_t[]){C}), .var = tensor(var_, 1, (int64_t[]){C})};
	Tensor *m, *v;
	tensor_batch_stats(x, 1, &m, &v);
	return loss_bn_layer(&bn, m, v, bn_form);
}

static double bn_distance(const double *x, const double *mu, const double *sigma2)
{
	double dm = 0, dv = 0, sigma = 0, length = 0;
	for (int c = 0; c < C; c++) {
		double mean = 0, var = 0;
		for (int b = 0; b < B; b++)
			for (int i = 0; i < HW; i++)
				mean += x[(b * C + c) * HW + i] / (B * HW);
		for (int b = 0; b < B; b++)
			for (int i = 0; i < HW; i++)
				var += pow(x[(b * C + c) * HW + i] - mean, 2) / (B * HW);
		dm += pow(mean - mu[c], 2);
		dv += pow(var - sigma2[c], 2);
		sigma += sigma2[c];
		length += sigma2[c] * sigma2[c];
	}
	return bn_form == BN_LITERAL ? sqrt(dm) + sqrt(dv) : sqrt(dm / sigma) + sqrt(dv / length);
}

static double bn_layer_scalar(const double *x)
{
	return bn_distance(x, mean_, var_);
}

/* Two layers that see the same x; the second's running statistics are the first's swapped. */
static Tensor *bn_network(const Tensor *x)
{
	struct bn_statistics statistics = {0};
	struct bn bn[2];
	for (int l = 0; l < 2; l++) {
		bn[l] = (struct bn){.mean = tensor(l ? var_ : mean_, 1, (int64_t[]){C}),
		    .var = tensor(l ? mean_ : var_, 1, (int64_t[]){C}),
		    .index = l};
		Tensor *m, *v;
		tensor_batch_stats(x, 1, &m, &v);
		bn_statistics_add(&statistics, &bn[l], m, v);
	}
	Tensor *loss = loss_bn(&statistics, bn_form);
	free(statistics.v);
	return loss;
}

static double bn_network_scalar(const double *x)
{
	double sum = 10 * bn_distance(x, mean_, var_) + bn_distance(x, var_, mean_);
	return bn_form == BN_LITERAL ? sum : BN_NORM * sum / (10 + 1);
}

static void bn_forms(void)
{
	draw(F_, B * C * HW, -2, 2, 17);
	draw(mean_, C, 0.2, 1, 18);
	draw(var_, C, 0.5, 2, 19);
	for (bn_form = BN_LITERAL; bn_form <= BN_NORMALISED; bn_form++) {
		check(bn_layer, bn_layer_scalar, F_, B * C * HW, 4, (int64_t[]){B, C, h, w});
		check(bn_network, bn_network_scalar, F_, B * C * HW, 4, (int64_t[]){B, C, h, w});
	}
}

/* In f32, which a GPU computes as one operation, against f64: the loss, and its gradients by the
 * statistics of each layer. */
static void bn_single(void)
{
	enum { LAYERS = 3, STATISTICS = 2 * LAYERS };
	for (int i = 0; i < 4; i++) {
		int64_t groups = 1 + i / 2;
		Tensor *loss[2], *grads[2][STATISTICS];
		tensor_scope_begin(GRAD);
		for (int wide = 0; wide < 2; wide++) {
			enum scalar type = wide ? T_F64 : T_F32;
			Tensor *seen_by[STATISTICS];
			struct bn bn[LAYERS];
			struct bn_statistics seen = {0};
			for (int k = 0; k < STATISTICS; k++) {
				int64_t shape[] = {groups, 5 + 300 * (k / 2)};
				Tensor *running = tensor_affine(tensor_abs(random_tensor(T_F32, 1,
				                                    shape + 1, 100 + (uint32_t)k)),
				    1, 0.1);
				seen_by[k] = tensor_clone(tensor_to(
				    random_tensor(T_F32, 2, shape, 200 + (uint32_t)k), type));
				tensor_requires_grad_(seen_by[k], true);
				*(k % 2 ? &bn[k / 2].var : &bn[k / 2].mean) =
				    tensor_to(running, type);
				bn[k / 2].index = k / 2;
			}
			for (int l = 0; l < LAYERS; l++)
				bn_statistics_add(
				    &seen, &bn[l], seen_by[2 * l], seen_by[2 * l + 1]);
			loss[wide] = loss_bn(&seen, i % 2 ? BN_NORMALISED : BN_LITERAL);
			free(seen.v);
			CHECK(tensor_grad(tensor_affine(loss[wide], 0.3, 0), seen_by, STATISTICS,
			          grads[wide], false) == 0);
		}
		CHECK_THAT(distance(loss[0], loss[1]) < 1e-6, "the loss is off by %g",
		    distance(loss[0], loss[1]));
		for (int k = 0; k < STATISTICS; k++)
			CHECK(distance(grads[0][k], grads[1][k]) < 1e-6);
		CHECK_STR(tensor_error(), NULL);
		tensor_scope_end();
	}
}

/* A mistake in the layers is told, not computed with. */
static void bn_refused(void)
{
	tensor_scope_begin(NO_GRAD);
	Tensor *two = tensor_full(1, T_F32, 2, (int64_t[]){1, 2}),
	       *three = tensor_full(1, T_F32, 1, (int64_t[]){3});
	struct bn_distance layer = {two, two, three, three, 1};
	CHECK(!tensor_bn_distances(&layer, 1, false) && tensor_error());
	tensor_error_clear();
	tensor_scope_end();
}

static double temperature;

static Tensor *kl(const Tensor *student)
{
	return loss_kl(student, tensor(q_, 2, (int64_t[]){B, K}), temperature);
}

static Tensor *mse(const Tensor *student)
{
	return loss_mse(student, tensor(q_, 2, (int64_t[]){B, K}));
}

static double mse_scalar(const double *s)
{
	double sum = 0;
	for (int i = 0; i < B * K; i++)
		sum += pow(s[i] - q_[i], 2) / (B * K);
	return sum;
}

static double kl_scalar(const double *s)
{
	double sum = 0;
	for (int b = 0; b < B; b++) {
		double st = 0, tt = 0;
		for (int k = 0; k < K; k++) {
			st += exp(s[b * K + k] / temperature);
			tt += exp(q_[b * K + k] / temperature);
		}
		for (int k = 0; k < K; k++) {
			double p = exp(q_[b * K + k] / temperature) / tt;
			sum += p * (log(p) - s[b * K + k] / temperature + log(st)) / B;
		}
	}
	return sum;
}

static void soft_labels(void)
{
	draw(p_, B * K, -3, 3, 20);
	draw(q_, B * K, -3, 3, 21);
	for (int i = 0; i < 2; i++) {
		temperature = i ? 20 : 2;
		check(kl, kl_scalar, p_, B * K, 2, (int64_t[]){B, K});
		check(mse, mse_scalar, p_, B * K, 2, (int64_t[]){B, K});
	}
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(eq3_eq4);
	RUN(eq5_center);
	RUN(eq5_zero_prototypes);
	RUN(eq5_on_the_prototype);
	RUN(eq5_update);
	RUN(eq6_eq7_eq8);
	RUN(eq9);
	RUN(eq9_zero_prototypes);
	RUN(eq9_on_the_prototype);
	RUN(eq10);
	RUN(eq10_weaker_attention);
	RUN(eq10_same_attention);
	RUN(eq11);
	RUN(eq12);
	RUN(bn_forms);
	RUN(bn_single);
	RUN(bn_refused);
	RUN(soft_labels);
	return check_done();
}
