/* The contract of tensor.h: NULL, errors, scopes, and values against short scalar loops. */
#include "lib/torch/functional.h"
#include "lib/torch/fused.h"
#include "lib/torch/optim.h"
#include "lib/torch/start.h"
#include "lib/torch/tensor.h"
#include "test/c/check.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE(...) ((int64_t[]){__VA_ARGS__})

enum { N = 2, C = 4, H = 5, W = 6, O = 6, K = 3 };

/* Fixed numbers in [-1, 1). */
static void fill(double *x, int n, unsigned seed)
{
	for (int i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		x[i] = (double)(seed >> 8) * 0x1p-23 - 1;
	}
}

static void check_values(const Tensor *t, const double *expected, int n, double tolerance)
{
	double *got = malloc((size_t)n * sizeof *got);
	CHECK(tensor_read(t, T_F64, got, n) == 0);
	for (int i = 0; i < n; i++)
		CHECK_NEAR(got[i], expected[i], tolerance);
	free(got);
}

/* The error is there, has one line, and contains each of the words. */
static void check_error(const char *const *words)
{
	const char *e = tensor_error();
	CHECK(e != NULL);
	for (; e && *words; words++) {
		if (!strstr(e, *words))
			printf("'%s' is not in '%s'\n", *words, e);
		CHECK(strstr(e, *words) != NULL);
	}
	CHECK(e && !strchr(e, '\n'));
	tensor_error_clear();
	CHECK(tensor_error() == NULL);
}

#define CHECK_ERROR(...) check_error((const char *const[]){__VA_ARGS__, NULL})

static void null_gives_null(void)
{
	Tensor *none = NULL, *t = tensor_full(1, T_F32, 2, SHAPE(2, 2)), *m, *v;
	struct optim_step once = {tensor_optim_numbers(1, 1), 1, 0};
	int64_t shape[] = {4};
	int dims[] = {0, 1};
	float data[4];
	const long live = tensor_live();
	CHECK(!tensor_from(NULL, T_F32, 1, shape) && !tensor_full_like(none, 0) &&
	      !tensor_clone(none));
	CHECK(tensor_read(none, T_F32, data, 4) == -1 && isnan(tensor_item(none)));
	CHECK(tensor_rank(none) == 0 && tensor_size(none, 0) == 0 && tensor_numel(none) == 0);
	CHECK(!tensor_to(none, T_F64) && !tensor_channels_last(none) && !tensor_contiguous(none) &&
	      !tensor_detach(none));
	CHECK(!tensor_reshape(none, 1, shape) && !tensor_permute(none, 2, dims) &&
	      !tensor_transpose(none, 0, 1));
	CHECK(!tensor_narrow(none, 0, 0, 1) && !tensor_cat((Tensor *[]){t, none}, 2, 0) &&
	      !tensor_cat(NULL, 1, 0));
	CHECK(!tensor_index_select(none, 0, t) && !tensor_index_select(t, 0, none));
	CHECK(!tensor_gather(none, 0, t) && !tensor_gather(t, 0, none) && !tensor_flip(none, 0));
	CHECK(!tensor_add(none, t) && !tensor_add(t, none) && !tensor_sub(none, t) &&
	      !tensor_sub(t, none));
	CHECK(!tensor_mul(none, t) && !tensor_mul(t, none) && !tensor_div(none, t) &&
	      !tensor_div(t, none));
	CHECK(!tensor_affine(none, 1, 1) && !tensor_matmul(none, t) && !tensor_matmul(t, none));
	CHECK(!tensor_relu(none) && !tensor_sqrt(none) && !tensor_abs(none) && !tensor_sign(none));
	CHECK(!tensor_clamp_min(none, 0) && !tensor_norm(none, 0, false));
	CHECK(!tensor_sum(none, 0, NULL, false) && !tensor_mean(none, 0, NULL, false));
	CHECK(!tensor_softmax(none, 0) && !tensor_log_softmax(none, 0));
	tensor_copy_(none, t), tensor_copy_(t, none), tensor_add_(none, t, 1),
	    tensor_add_(t, none, 1);
	tensor_mul_(none, 2), tensor_clamp_(none, t, t), tensor_clamp_(t, none, t),
	    tensor_clamp_(t, t, none);
	CHECK(!tensor_conv2d(none, t, NULL, 1, 0, 1) && !tensor_conv2d(t, none, NULL, 1, 0, 1));
	CHECK(!tensor_linear(none, t, NULL) && !tensor_linear(t, none, NULL));
	CHECK(!tensor_max_pool2d(none, 1, 1, 0) && !tensor_avg_pool2d(none, 1, 1, 0));
	CHECK(!tensor_batch_norm(none, NULL, NULL, NULL, NULL, true, 0, 0) &&
	      !tensor_interpolate(none, 1, 1, false));
	CHECK(!tensor_cross_entropy(none, t, 0) && !tensor_cross_entropy(t, none, 0));
	tensor_batch_stats(none, 1, &m, &v);
	CHECK(!m && !v);
	tensor_requires_grad_(none, true);
	CHECK(tensor_grad(none, &t, 1, &m, false) == -1 && !m);
	CHECK(tensor_grad(t, &none, 1, &m, false) == -1 && !m);
	CHECK(!tensor_keep(none) && !tensor_keep_always(none));
	tensor_free(none);
	CHECK(tensor_error() == NULL && tensor_live() == live);
	CHECK(tensor_item(tensor_sum(t, 0, NULL, false)) == 4);
	tensor_sgd_(&t, &none, NULL, 1, &once, 0, false);
	CHECK_ERROR("sgd_", "tensor 0");
	tensor_adam_(&t, &t, &none, &t, 1, &once, 0.9, 0.99, 0, true);
	CHECK_ERROR("adam_", "tensor 0");
	CHECK(tensor_item(tensor_sum(t, 0, NULL, false)) == 4);
}

static void wrong_shapes_are_told(void)
{
	Tensor *a = tensor_full(1, T_F32, 2, SHAPE(2, 3)),
	       *b = tensor_full(1, T_F32, 2, SHAPE(4, 5)), *m, *v;
	Tensor *image = tensor_full(1, T_F32, 4, SHAPE(8, 3, 8, 8)),
	       *w = tensor_full(1, T_F32, 4, SHAPE(64, 4, 7, 7));
	struct optim_step once = {tensor_optim_numbers(1, 1), 1, 0};
	float data[6];
	CHECK(!tensor_add(a, b));
	CHECK_ERROR("add [2,3] [4,5]: ");
	CHECK(!tensor_conv2d(image, w, NULL, 2, 3, 1));
	CHECK_ERROR("conv2d [8,3,8,8] [64,4,7,7]: Given groups=1");
	CHECK(!tensor_matmul(a, b));
	CHECK_ERROR("matmul [2,3] [4,5]: ");
	CHECK(!tensor_reshape(a, 1, SHAPE(7)));
	CHECK_ERROR("reshape [2,3]: ");
	CHECK(!tensor_reshape(a, 9, SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 6)));
	CHECK_ERROR("reshape [2,3]: bad rank 9");
	CHECK(!tensor_cat((Tensor *[]){a, b}, 2, 0));
	CHECK_ERROR("cat: ");
	CHECK(!tensor_narrow(a, 0, 1, 2));
	CHECK_ERROR("narrow [2,3]: ");
	CHECK(!tensor_index_select(a, 0, tensor_from(SHAPE(2), T_I64, 1, SHAPE(1))));
	CHECK_ERROR("index_select [2,3] [1]: ");
	CHECK(!tensor_cross_entropy(a, tensor_from(SHAPE(0, 3), T_I64, 1, SHAPE(2)), 0));
	CHECK_ERROR("cross_entropy [2,3] [2]: ");
	CHECK(!tensor_from(data, T_F32, 1, SHAPE(-1)));
	CHECK_ERROR("from: ");
	tensor_batch_stats(a, 1, &m, &v);
	CHECK(!m && !v);
	CHECK_ERROR("batch_stats [2,3]: ");
	CHECK(tensor_read(a, T_F32, data, 5) == -1);
	CHECK_ERROR("read [2,3]: 5 elements were asked for");
	CHECK(isnan(tensor_item(a)));
	CHECK_ERROR("item [2,3]: ");
	CHECK(tensor_grad(a, &a, 1, &m, false) == -1 && !m);
	CHECK_ERROR("grad [2,3]: ");
	tensor_copy_(a, b);
	CHECK_ERROR("copy_ [2,3] [4,5]: ");
	tensor_sgd_(&a, &b, NULL, 1, &once, 0, false);
	CHECK_ERROR("sgd_: ", "gradient 0", "[4, 5] for [2, 3]");
	tensor_adam_(&a, &a, &b, &a, 1, &once, 0.9, 0.99, 0, false);
	CHECK_ERROR("adam_: ", "buffer 0");
	CHECK(torch_start("gpu", 1) == -1);
	CHECK_ERROR("start: unknown device 'gpu'");
}

static void first_error_stays(void)
{
	Tensor *a = tensor_full(1, T_F32, 1, SHAPE(2)), *b = tensor_full(1, T_F32, 1, SHAPE(3));
	CHECK(!tensor_relu(tensor_add(a, b)) && !tensor_matmul(a, b));
	CHECK_ERROR("add [2] [3]: ");
	tensor_scope_end();
	tensor_scope_end();
	CHECK_ERROR("scope_end: no scope");
	tensor_scope_begin(NO_GRAD);
}

static void scopes_free_what_is_not_kept(void)
{
	const long live = tensor_live();
	tensor_scope_begin(NO_GRAD);
	Tensor *outer = tensor_full(1, T_F32, 0, NULL);
	tensor_scope_begin(NO_GRAD);
	Tensor *a = tensor_full(2, T_F32, 0, NULL), *b = tensor_full(3, T_F32, 0, NULL),
	       *c = tensor_full(4, T_F32, 0, NULL);
	Tensor *always = tensor_keep_always(tensor_full(5, T_F32, 0, NULL));
	CHECK(tensor_live() == live + 5);
	CHECK(tensor_keep(a) == a && tensor_keep(outer) == outer);
	tensor_free(b);
	CHECK(tensor_live() == live + 4 && tensor_item(c) == 4);
	tensor_scope_end();
	CHECK(tensor_live() == live + 3 && tensor_item(a) == 2 && tensor_item(outer) == 1);
	tensor_keep(a);
	tensor_scope_end();
	CHECK(tensor_live() == live + 2 && tensor_item(a) == 2 && tensor_item(always) == 5);
	tensor_free(a);
	tensor_free(always);
	CHECK(tensor_live() == live);
}

static void scopes_set_the_grad_mode(void)
{
	Tensor *x = tensor_full(3, T_F32, 0, NULL), *g;
	tensor_requires_grad_(x, true);
	CHECK(tensor_grad(tensor_mul(x, x), &x, 1, &g, false) == -1);
	CHECK_ERROR("grad []: ");
	tensor_scope_begin(GRAD);
	tensor_scope_begin(NO_GRAD);
	tensor_scope_end();
	CHECK(tensor_grad(tensor_mul(x, x), &x, 1, &g, false) == 0 && tensor_item(g) == 6);
	CHECK(tensor_grad(tensor_mul(x, tensor_detach(x)), &x, 1, &g, false) == 0 &&
	      tensor_item(g) == 3);
	tensor_scope_end();
	CHECK(tensor_grad(tensor_mul(x, x), &x, 1, &g, false) == -1);
	CHECK_ERROR("grad []: ");
}

static void types_and_reading(void)
{
	const double x[] = {0, 1, 2, 3};
	double d[4];
	for (enum scalar type = T_F32; type <= T_BOOL; type++) {
		Tensor *t = tensor_to(tensor_from(x, T_F64, 2, SHAPE(2, 2)), type);
		CHECK(tensor_type(t) == type && tensor_rank(t) == 2 && tensor_size(t, -1) == 2 &&
		      tensor_size(t, 2) == 0);
		CHECK(tensor_read(tensor_transpose(t, 0, 1), T_F64, d, 4) == 0);
		CHECK(d[0] == 0 && d[1] == (type == T_BOOL ? 1 : 2) && d[2] == 1 &&
		      d[3] == (type == T_BOOL ? 1 : 3));
	}
	Tensor *t = tensor_full(1, T_F64, 1, SHAPE(4)), *lo = tensor_full(1.5, T_F64, 0, NULL),
	       *hi = tensor_full(2.5, T_F64, 0, NULL);
	tensor_copy_(t, tensor_from(x, T_F64, 1, SHAPE(4)));
	tensor_clamp_(t, lo, hi);
	check_values(t, (double[]){1.5, 1.5, 2, 2.5}, 4, 0);
	tensor_add_(t, t, -3);
	tensor_mul_(t, 0.5);
	check_values(t, (double[]){-1.5, -1.5, -2, -2.5}, 4, 0);
	check_values(tensor_sign(t), (double[]){-1, -1, -1, -1}, 4, 0);
	check_values(tensor_full_like(t, 7), (double[]){7, 7, 7, 7}, 4, 0);
	CHECK(strcmp(torch_version(), "2.11.0") == 0 && torch_threads() == 2);
}

/* Stride 2, padding 1, two groups, bias. */
static void conv_loops(const double *x, const double *w, const double *b, double *y)
{
	for (int n = 0; n < N; n++)
		for (int o = 0; o < O; o++)
			for (int i = 0; i < 3; i++)
				for (int j = 0; j < 3; j++) {
					double s = b[o];
					for (int c = 0; c < C / 2; c++)
						for (int k = 0; k < K * K; k++) {
							int r = 2 * i + k / K - 1,
							    q = 2 * j + k % K - 1;
							if (r >= 0 && r < H && q >= 0 && q < W)
								s += x[((n * C +
								            o / (O / 2) * (C / 2) +
								            c) *
								               H +
								           r) *
								             W +
								         q] *
								     w[(o * (C / 2) + c) * K * K +
								         k];
						}
					*y++ = s;
				}
}

static void conv2d_is_the_loop(void)
{
	double x[N * C * H * W], w[O * C / 2 * K * K], b[O], y[N * O * 9];
	fill(x, N * C * H * W, 1), fill(w, O * C / 2 * K * K, 2), fill(b, O, 3);
	conv_loops(x, w, b, y);
	Tensor *tx = tensor_from(x, T_F64, 4, SHAPE(N, C, H, W)),
	       *tw = tensor_from(w, T_F64, 4, SHAPE(O, C / 2, K, K));
	Tensor *tb = tensor_from(b, T_F64, 1, SHAPE(O));
	check_values(tensor_conv2d(tx, tw, tb, 2, 1, 2), y, N * O * 9, 1e-12);
	check_values(tensor_conv2d(tensor_channels_last(tx), tw, tb, 2, 1, 2), y, N * O * 9, 1e-12);
	check_values(tensor_conv2d(tensor_to(tx, T_F32), tw, tb, 2, 1, 2), y, N * O * 9, 1e-5);
	Tensor *low = tensor_conv2d(tensor_channels_last(tensor_to(tx, T_BF16)),
	    tensor_to(tw, T_F32), tensor_to(tb, T_F32), 2, 1, 2);
	CHECK(tensor_type(low) == T_BF16);
	check_values(low, y, N * O * 9, 0.05);
}

static void stats_loops(const double *x, int n, int c, int hw, double *mean, double *var)
{
	for (int k = 0; k < c; k++) {
		double sum = 0, square = 0;
		for (int i = 0; i < n * hw; i++)
			sum += x[(i / hw * c + k) * hw + i % hw];
		mean[k] = sum / (n * hw);
		for (int i = 0; i < n * hw; i++)
			square += pow(x[(i / hw * c + k) * hw + i % hw] - mean[k], 2);
		var[k] = square / (n * hw);
	}
}

static void check_stats(
    const Tensor *t, const double *mean, const double *var, int c, double tolerance)
{
	Tensor *m, *v;
	tensor_batch_stats(t, 1, &m, &v);
	CHECK(tensor_type(m) == (tensor_type(t) == T_F64 ? T_F64 : T_F32) &&
	      tensor_type(v) == tensor_type(m));
	check_values(m, mean, c, tolerance);
	check_values(v, var, c, tolerance);
}

/* 200000 elements a channel, means up to three deviations from 0, each type in both layouts. */
static void batch_stats_are_exact(void)
{
	enum { n = 5, c = 3, hw = 200 * 200, all = n * c * hw };
	static double x[all];
	double mean[c], var[c];
	fill(x, all, 4);
	for (int i = 0; i < all; i++)
		x[i] += i / hw % c;
	for (int k = 0; k < 3; k++) {
		tensor_scope_begin(NO_GRAD);
		enum scalar type = (enum scalar[]){T_F64, T_F32, T_BF16}[k];
		Tensor *t = tensor_to(tensor_from(x, T_F64, 4, SHAPE(n, c, 200, 200)), type);
		CHECK(tensor_read(t, T_F64, x, all) == 0);
		stats_loops(x, n, c, hw, mean, var);
		check_stats(t, mean, var, c, type == T_F64 ? 1e-12 : 3e-6);
		check_stats(tensor_channels_last(t), mean, var, c, type == T_F64 ? 1e-12 : 3e-6);
		Tensor *part = tensor_narrow(t, 3, 0, 199);
		check_stats(part, mean, var, c, 1e-2);
		tensor_scope_end();
	}
}

/* 42 images of 224 pixels: more elements of a channel than 1024 groups of 2048. */
static void batch_stats_of_many(void)
{
	enum { n = 42, c = 2, hw = 224 * 224, all = n * c * hw };
	static double x[all];
	double mean[c], var[c];
	fill(x, all, 8);
	for (int i = 0; i < all; i++)
		x[i] = (float)(x[i] + 1);
	stats_loops(x, n, c, hw, mean, var);
	Tensor *t = tensor_to(tensor_from(x, T_F64, 4, SHAPE(n, c, 224, 224)), T_F32);
	check_stats(tensor_channels_last(t), mean, var, c, 3e-6);
}

static void batch_norm_is_the_loop(void)
{
	double x[N * C * H * W], w[C], b[C], y[N * C * H * W], mean[C], var[C], zero[C] = {0};
	fill(x, N * C * H * W, 5), fill(w, C, 6), fill(b, C, 7);
	stats_loops(x, N, C, H * W, mean, var);
	for (int i = 0; i < N * C * H * W; i++) {
		int k = i / (H * W) % C;
		y[i] = (x[i] - mean[k]) / sqrt(var[k] + 1e-3) * w[k] + b[k];
	}
	for (int k = 0; k < 2; k++) {
		enum scalar type = k ? T_F32 : T_F64;
		Tensor *tx = tensor_to(tensor_from(x, T_F64, 4, SHAPE(N, C, H, W)), type);
		Tensor *tw = tensor_to(tensor_from(w, T_F64, 1, SHAPE(C)), type),
		       *tb = tensor_to(tensor_from(b, T_F64, 1, SHAPE(C)), type);
		Tensor *rm = tensor_to(tensor_from(zero, T_F64, 1, SHAPE(C)), type),
		       *rv = tensor_full_like(rm, 0), *low;
		check_values(tensor_batch_norm(tx, tw, tb, rm, rv, true, 1, 1e-3), y, N * C * H * W,
		    k ? 1e-5 : 1e-12);
		check_values(rm, mean, C, 1e-6);
		tensor_mul_(rv,
		    (N * H * W - 1.0) / (N * H * W)); /* the running variance is the unbiased one */
		check_values(rv, var, C, 1e-6);
		check_values(tensor_batch_norm(tx, tw, tb, rm, rv, false, 0, 1e-3), y,
		    N * C * H * W, k ? 1e-5 : 1e-12);
		if (!k)
			continue;
		low = tensor_batch_norm(
		    tensor_channels_last(tensor_to(tx, T_BF16)), tw, tb, NULL, NULL, true, 0, 1e-3);
		CHECK(tensor_type(low) == T_BF16);
		check_values(low, y, N * C * H * W, 0.03);
	}
}

/* bf16 maps with f32 parameters, channels last: gradients close to those in f32, each in its
 * parameter's type. */
static void bf16_batch_norm_gradients(void)
{
	double data[N * C * H * W], w[C], g[2][C];
	fill(data, N * C * H * W, 8), fill(w, C, 9);
	for (int training = 0; training < 2; training++) {
		for (int low = 0; low < 2; low++) {
			tensor_scope_begin(GRAD);
			Tensor *x = tensor_to(
			    tensor_from(data, T_F64, 4, SHAPE(N, C, H, W)), low ? T_BF16 : T_F32);
			Tensor *weight = tensor_to(tensor_from(w, T_F64, 1, SHAPE(C)), T_F32),
			       *grad[2];
			Tensor *bias = tensor_full_like(weight, 0.5),
			       *rm = tensor_full_like(weight, 0), *rv = tensor_full_like(weight, 1);
			x = tensor_channels_last(x);
			tensor_requires_grad_(weight, true), tensor_requires_grad_(x, true);
			Tensor *y = tensor_batch_norm(x, weight, bias, rm, rv, training, 0.1, 1e-5);
			Tensor *loss = tensor_sum(
			    tensor_mul(tensor_to(y, T_F32), tensor_to(y, T_F32)), 0, NULL, false);
			CHECK(tensor_grad(loss, (Tensor *[]){weight, x}, 2, grad, false) == 0);
			CHECK(tensor_type(grad[0]) == T_F32 &&
			      tensor_type(grad[1]) == (low ? T_BF16 : T_F32));
			CHECK(tensor_read(grad[0], T_F64, g[low], C) == 0);
			tensor_scope_end();
		}
		for (int k = 0; k < C; k++)
			CHECK_NEAR(g[1][k], g[0][k], 0.02 * (1 + fabs(g[0][k])));
	}
	CHECK(tensor_error() == NULL);
}

/* One axis of bilinear interpolation at output i. With antialias a triangle as wide as the scale
 * when shrinking. */
static double sample(const double *x, int in, int out, int i, bool antialias)
{
	double scale = (double)in / out, centre = (i + 0.5) * scale, sum = 0, total = 0;
	double width = antialias && scale > 1 ? scale : 1;
	for (int k = -in; k < 2 * in; k++) {
		double weight = 1 - fabs(k + 0.5 - centre) / width;
		int inside = k < 0 ? 0 : k >= in ? in - 1 : k;
		if (weight <= 0 || (antialias && inside != k))
			continue;
		sum += weight * x[inside];
		total += weight;
	}
	return sum / total;
}

static void interpolate_is_the_loop(void)
{
	double x[H * W], rows[H * 2 * W], y[2 * H * 2 * W], column[H];
	fill(x, H * W, 10);
	Tensor *t = tensor_from(x, T_F64, 4, SHAPE(1, 1, H, W));
	for (int k = 0; k < 4; k++) {
		int h = k & 1 ? 8 : 2, w = k & 1 ? 9 : 3;
		for (int i = 0; i < H * w; i++)
			rows[i] = sample(x + i / w * W, W, w, i % w, k & 2);
		for (int i = 0; i < h * w; i++) {
			for (int r = 0; r < H; r++)
				column[r] = rows[r * w + i % w];
			y[i] = sample(column, H, h, i / w, k & 2);
		}
		check_values(tensor_interpolate(t, h, w, k & 2), y, h * w, 1e-12);
	}
}

static void cross_entropy_is_the_formula(void)
{
	double x[6], expected = 0, smoothing = 0.1;
	int64_t labels[] = {2, 0};
	fill(x, 6, 11);
	for (int n = 0; n < 2; n++) {
		double total = 0;
		for (int k = 0; k < 3; k++)
			total += exp(x[3 * n + k]);
		for (int k = 0; k < 3; k++)
			expected -= ((k == labels[n]) * (1 - smoothing) + smoothing / 3) *
			            (x[3 * n + k] - log(total)) / 2;
	}
	Tensor *logits = tensor_from(x, T_F64, 2, SHAPE(2, 3)),
	       *t = tensor_from(labels, T_I64, 1, SHAPE(2));
	CHECK_NEAR(tensor_item(tensor_cross_entropy(logits, t, smoothing)), expected, 1e-12);
}

/* The optimisers minimise sum x^2 / 2 (1 + i), so that the gradient of element i is x (1 + i). */
enum { STEPS = 20, SIZE = 40 };
static const double LR = 0.02, DECAY = 0.1;

typedef void update_fn(
    Tensor **p, Tensor **g, Tensor **m, Tensor **v, const struct optim_step *how);

static void run_optimiser(update_fn *update, const double *expected)
{
	double x[SIZE], scale[SIZE];
	for (int i = 0; i < SIZE; i++)
		x[i] = 1 - 0.03 * i, scale[i] = 1 + i % 7;
	Tensor *p[] = {tensor_from(x, T_F64, 1, SHAPE(SIZE)), tensor_full(1, T_F64, 1, SHAPE(1))};
	Tensor *m[] = {tensor_full_like(p[0], 0), tensor_full_like(p[1], 0)};
	Tensor *v[] = {tensor_full_like(p[0], 0), tensor_full_like(p[1], 0)},
	       *s = tensor_from(scale, T_F64, 1, SHAPE(SIZE));
	tensor_requires_grad_(p[0], true);
	for (long step = 1; step <= STEPS; step++) {
		tensor_scope_begin(NO_GRAD);
		Tensor *g[] = {tensor_mul(p[0], s), p[1]};
		struct optim_step how = {tensor_optim_numbers(step, 2 * LR), 0.5, DECAY};
		update(p, g, m, v, &how);
		tensor_scope_end();
	}
	check_values(p[0], expected, SIZE, 1e-6);
	check_values(p[1], expected, 1, 1e-6); /* the same start and scale as element 0 */
}

/* autograd gives gradients in any layout: here a transposed and an expanded one. */
static void gradients_in_any_layout(void)
{
	double x[] = {0, 0, 0, 0, 0, 0}, g[] = {1, 2, 3, 4, 5, 6};
	Tensor *p[] = {tensor_from(x, T_F64, 2, SHAPE(2, 3)), tensor_from(x, T_F64, 1, SHAPE(2))};
	Tensor *bias = tensor_full_like(p[1], 0), *sum,
	       *grad[2] = {tensor_transpose(tensor_from(g, T_F64, 2, SHAPE(3, 2)), 0, 1)};
	tensor_scope_begin(GRAD);
	tensor_requires_grad_(bias, true);
	sum = tensor_sum(bias, 0, NULL, false);
	CHECK(tensor_grad(sum, &bias, 1, &grad[1], false) == 0);
	tensor_sgd_(
	    p, grad, NULL, 2, &(struct optim_step){tensor_optim_numbers(1, -1), 1, 0}, 0, false);
	check_values(p[0], (double[]){1, 3, 5, 2, 4, 6}, 6, 0);
	check_values(p[1], (double[]){1, 1}, 2, 0);
	tensor_scope_end();
}

static void sgd_plain(Tensor **p, Tensor **g, Tensor **m, Tensor **v, const struct optim_step *how)
{
	(void)m, (void)v;
	tensor_sgd_(p, g, NULL, 2, how, 0, false);
}

static void sgd_momentum(
    Tensor **p, Tensor **g, Tensor **m, Tensor **v, const struct optim_step *how)
{
	(void)v;
	tensor_sgd_(p, g, m, 2, how, 0.9, false);
}

static void sgd_nesterov(
    Tensor **p, Tensor **g, Tensor **m, Tensor **v, const struct optim_step *how)
{
	(void)v;
	tensor_sgd_(p, g, m, 2, how, 0.9, true);
}

static void adam(Tensor **p, Tensor **g, Tensor **m, Tensor **v, const struct optim_step *how)
{
	tensor_adam_(p, g, m, v, 2, how, 0.8, 0.95, 1e-6, false);
}

static void adamw(Tensor **p, Tensor **g, Tensor **m, Tensor **v, const struct optim_step *how)
{
	tensor_adam_(p, g, m, v, 2, how, 0.8, 0.95, 1e-6, true);
}

static double sgd_alone(double x, double scale, double mu, bool nesterov)
{
	double buffer = 0;
	for (int step = 1; step <= STEPS; step++) {
		double g = x * scale + DECAY * x;
		buffer = mu * buffer + g;
		x -= LR * (nesterov ? g + mu * buffer : buffer);
	}
	return x;
}

static double adam_alone(double x, double scale, bool decoupled)
{
	double m = 0, v = 0;
	for (int step = 1; step <= STEPS; step++) {
		double g = x * scale + (decoupled ? 0 : DECAY * x);
		x -= decoupled ? LR * DECAY * x : 0;
		m = 0.8 * m + 0.2 * g;
		v = 0.95 * v + 0.05 * g * g;
		x -= LR * m / (1 - pow(0.8, step)) / (sqrt(v / (1 - pow(0.95, step))) + 1e-6);
	}
	return x;
}

static void optimisers_are_their_formulas(void)
{
	double plain[SIZE], momentum[SIZE], nesterov[SIZE], coupled[SIZE], decoupled[SIZE];
	for (int i = 0; i < SIZE; i++) {
		double x = 1 - 0.03 * i, scale = 1 + i % 7;
		plain[i] = sgd_alone(x, scale, 0, false);
		momentum[i] = sgd_alone(x, scale, 0.9, false);
		nesterov[i] = sgd_alone(x, scale, 0.9, true);
		coupled[i] = adam_alone(x, scale, false);
		decoupled[i] = adam_alone(x, scale, true);
	}
	run_optimiser(sgd_plain, plain);
	run_optimiser(sgd_momentum, momentum);
	run_optimiser(sgd_nesterov, nesterov);
	run_optimiser(adam, coupled);
	run_optimiser(adamw, decoupled);
	CHECK(tensor_error() == NULL);
}

int main(void)
{
	if (torch_start("cpu", 2) != 0) {
		printf("%s\n", tensor_error());
		return 1;
	}
	tensor_scope_begin(NO_GRAD);
	RUN(null_gives_null);
	RUN(wrong_shapes_are_told);
	RUN(first_error_stays);
	RUN(scopes_free_what_is_not_kept);
	RUN(scopes_set_the_grad_mode);
	RUN(types_and_reading);
	RUN(conv2d_is_the_loop);
	RUN(batch_stats_are_exact);
	RUN(batch_stats_of_many);
	RUN(batch_norm_is_the_loop);
	RUN(bf16_batch_norm_gradients);
	RUN(interpolate_is_the_loop);
	RUN(cross_entropy_is_the_formula);
	RUN(gradients_in_any_layout);
	RUN(optimisers_are_their_formulas);
	tensor_scope_end();
	CHECK(tensor_live() == 0);
	return check_done();
}
