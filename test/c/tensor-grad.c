/* Every differentiable operation against central differences in f64. */
#include "lib/torch/functional.h"
#include "lib/torch/fused.h"
#include "lib/torch/tensor.h"
#include "test/c/check.h"
#include "test/c/tensors.h"
#include <math.h>
#include <stdio.h>

enum { INPUTS = 3, VALUES = 128 };

struct input {
	int rank;
	int64_t shape[4];
	double lo, hi;
};

/* f takes its inputs and gives one tensor; an input of rank 0 is absent. */
struct op {
	const char *name;
	Tensor *(*f)(Tensor **in);
	struct input in[INPUTS];
};

#define IN1(a, l, h)                                                                               \
	{                                                                                          \
		1, {a}, l, h                                                                       \
	}
#define IN2(a, b, l, h)                                                                            \
	{                                                                                          \
		2, {a, b}, l, h                                                                    \
	}
#define IN4(a, b, c, d, l, h)                                                                      \
	{                                                                                          \
		4, {a, b, c, d}, l, h                                                              \
	}
#define OP(name, expression)                                                                       \
	static Tensor *f_##name(Tensor **in)                                                       \
	{                                                                                          \
		return expression;                                                                 \
	}

static Tensor *i64(int rank, const int64_t *shape, const int64_t *v)
{
	return tensor_from(v, T_I64, rank, shape);
}

#define I64(n, ...) i64(1, (int64_t[]){n}, (int64_t[]){__VA_ARGS__})

OP(add, tensor_add(in[0], in[1]))
OP(sub, tensor_sub(in[0], in[1]))
OP(mul, tensor_mul(in[0], in[1]))
OP(div, tensor_div(in[0], in[1]))
OP(affine, tensor_affine(in[0], -1.5, 0.25))
OP(affine_add, tensor_affine(in[0], 1, 0.25))
OP(matmul, tensor_matmul(in[0], in[1]))
OP(relu, tensor_relu(in[0]))
OP(sqrt, tensor_sqrt(in[0]))
OP(abs, tensor_abs(in[0]))
OP(clamp_min, tensor_clamp_min(in[0], 0.1))
OP(sum, tensor_sum(in[0], 2, (int[]){0, -1}, true))
OP(sum_all, tensor_sum(in[0], 0, NULL, false))
OP(mean, tensor_mean(in[0], 1, (int[]){1}, false))
OP(norm, tensor_norm(in[0], 1, true))
OP(softmax, tensor_softmax(in[0], 1))
OP(log_softmax, tensor_log_softmax(in[0], 1))
OP(clone, tensor_clone(in[0]))
OP(to, tensor_to(in[0], T_F64))
OP(channels_last, tensor_channels_last(in[0]))
OP(contiguous, tensor_contiguous(tensor_permute(in[0], 4, (int[]){1, 3, 0, 2})))
OP(reshape, tensor_reshape(in[0], 2, (int64_t[]){-1, 3}))
OP(transpose, tensor_transpose(in[0], 1, 2))
OP(narrow, tensor_narrow(in[0], 1, 1, 2))
OP(cat, tensor_cat(in, 2, 0))
OP(index_select, tensor_index_select(in[0], 0, I64(4, 2, 0, 2, 1)))
OP(gather, tensor_gather(in[0], 1, i64(2, (int64_t[]){3, 2}, (int64_t[]){0, 3, 1, 1, 2, 0})))
OP(flip, tensor_flip(in[0], 3))
OP(conv2d, tensor_conv2d(in[0], in[1], in[2], 2, 1, 2))
OP(linear, tensor_linear(in[0], in[1], in[2]))
OP(max_pool2d, tensor_max_pool2d(in[0], 3, 2, 1))
OP(avg_pool2d, tensor_avg_pool2d(in[0], 2, 2, 0))
OP(batch_norm, tensor_batch_norm(in[0], in[1], in[2], NULL, NULL, true, 0.1, 1e-5))
OP(interpolate_up, tensor_interpolate(in[0], 7, 5, false))
OP(interpolate_down, tensor_interpolate(in[0], 2, 3, true))
OP(group_norm, tensor_group_norm(in[0], 3, in[1], in[2], 1e-5))
OP(pad, tensor_pad(in[0], 2))
OP(cross_entropy, tensor_cross_entropy(in[0], I64(3, 1, 0, 3), 0.1))

static Tensor *f_batch_norm_eval(Tensor **in)
{
	Tensor *mean = tensor_full(0.3, T_F64, 1, (int64_t[]){3}),
	       *var = tensor_full(0.7, T_F64, 1, (int64_t[]){3});
	return tensor_batch_norm(in[0], in[1], in[2], mean, var, false, 0.1, 1e-5);
}

static Tensor *f_batch_stats(Tensor **in)
{
	Tensor *stats[2];
	tensor_batch_stats(in[0], 1, &stats[0], &stats[1]);
	return tensor_cat(stats, 2, 0);
}

static Tensor *f_batch_stats_last(Tensor **in)
{
	Tensor *last[] = {tensor_channels_last(in[0])};
	return f_batch_stats(last);
}

static Tensor *f_batch_var(Tensor **in)
{
	Tensor *mean, *var;
	tensor_batch_stats(in[0], 2, &mean, &var);
	return var;
}

#define MAP IN4(2, 3, 4, 4, -1, 1)
#define MATRIX IN2(3, 4, -1, 1)
#define CHANNELS IN1(3, 0.5, 2)

static const struct op ops[] = {
    {"add", f_add, {MATRIX, IN1(4, -1, 1)}},
    {"sub", f_sub, {MATRIX, IN1(4, -1, 1)}},
    {"mul", f_mul, {MATRIX, IN2(3, 1, -1, 1)}},
    {"div", f_div, {MATRIX, IN2(3, 1, 0.5, 2)}},
    {"affine", f_affine, {MATRIX}},
    {"affine, a = 1", f_affine_add, {MATRIX}},
    {"matmul", f_matmul, {MATRIX, IN2(4, 5, -1, 1)}},
    {"relu", f_relu, {MATRIX}},
    {"sqrt", f_sqrt, {IN2(3, 4, 0.5, 2)}},
    {"abs", f_abs, {MATRIX}},
    {"clamp_min", f_clamp_min, {MATRIX}},
    {"sum", f_sum, {MAP}},
    {"sum over all", f_sum_all, {MAP}},
    {"mean", f_mean, {MAP}},
    {"norm", f_norm, {MAP}},
    {"softmax", f_softmax, {MATRIX}},
    {"log_softmax", f_log_softmax, {MATRIX}},
    {"clone", f_clone, {MATRIX}},
    {"to", f_to, {MATRIX}},
    {"channels_last", f_channels_last, {MAP}},
    {"permute, contiguous", f_contiguous, {MAP}},
    {"reshape", f_reshape, {MATRIX}},
    {"transpose", f_transpose, {MAP}},
    {"narrow", f_narrow, {MAP}},
    {"cat", f_cat, {MATRIX, IN2(2, 4, -1, 1)}},
    {"index_select", f_index_select, {MATRIX}},
    {"gather", f_gather, {MATRIX}},
    {"flip", f_flip, {MAP}},
    {"conv2d", f_conv2d, {IN4(2, 4, 3, 4, -1, 1), IN4(2, 2, 3, 3, -1, 1), IN1(2, -1, 1)}},
    {"linear", f_linear, {MATRIX, IN2(2, 4, -1, 1), IN1(2, -1, 1)}},
    {"max_pool2d", f_max_pool2d, {MAP}},
    {"avg_pool2d", f_avg_pool2d, {MAP}},
    {"batch_norm", f_batch_norm, {MAP, CHANNELS, CHANNELS}},
    {"batch_norm, fixed", f_batch_norm_eval, {MAP, CHANNELS, CHANNELS}},
    {"batch_stats", f_batch_stats, {MAP}},
    {"batch_stats, channels last", f_batch_stats_last, {MAP}},
    {"batch_stats, variance only", f_batch_var, {MAP}},
    {"interpolate up", f_interpolate_up, {MAP}},
    {"interpolate down", f_interpolate_down, {MAP}},
    {"group_norm", f_group_norm, {MAP, CHANNELS, CHANNELS}},
    {"pad", f_pad, {MAP}},
    {"cross_entropy", f_cross_entropy, {MATRIX}},
};

/* Uniform numbers, the same in every run. */
static double uniform(double lo, double hi)
{
	static uint64_t state = 1;
	state = state * 6364136223846793005u + 1442695040888963407u;
	return lo + (hi - lo) * (double)(state >> 11) * 0x1p-53;
}

static int numel(const struct input *in)
{
	int n = in->rank > 0;
	for (int i = 0; i < in->rank; i++)
		n *= (int)in->shape[i];
	return n;
}

/* The scalar that the tests differentiate: the sum of f's elements, each with another weight. */
static Tensor *loss_of(const struct op *op, Tensor **in)
{
	Tensor *y = tensor_reshape(op->f(in), 1, (int64_t[]){-1});
	double weight[4 * VALUES];
	int64_t n = tensor_numel(y);
	for (int64_t i = 0; i < n && i < 4 * VALUES; i++)
		weight[i] = sin(1.0 + 2.0 * (double)i);
	return tensor_sum(tensor_mul(y, tensor_from(weight, T_F64, 1, &n)), 0, NULL, false);
}

static int make_inputs(const struct op *op, double (*data)[VALUES], Tensor **in)
{
	int n = 0;
	for (; n < INPUTS && op->in[n].rank; n++) {
		in[n] = tensor_from(data[n], T_F64, op->in[n].rank, op->in[n].shape);
		tensor_requires_grad_(in[n], true);
	}
	return n;
}

static double value_at(const struct op *op, double (*data)[VALUES])
{
	Tensor *in[INPUTS] = {0};
	tensor_scope_begin(NO_GRAD);
	make_inputs(op, data, in);
	double value = tensor_item(loss_of(op, in));
	tensor_scope_end();
	return value;
}

static double difference(const struct op *op, double (*data)[VALUES], double *x)
{
	const double h = 1e-5, keep = *x;
	*x = keep + h;
	double up = value_at(op, data);
	*x = keep - h;
	double down = value_at(op, data);
	*x = keep;
	return (up - down) / (2 * h);
}

/* The largest error of the gradients, with and without a graph of them, relative to the largest
 * difference. */
static double gradient_error(const struct op *op)
{
	double data[INPUTS][VALUES], grad[2][VALUES], worst = 0, scale = 1e-3;
	Tensor *in[INPUTS] = {0}, *grads[2][INPUTS];
	for (int i = 0; i < INPUTS; i++)
		for (int j = 0; j < numel(&op->in[i]); j++)
			data[i][j] = uniform(op->in[i].lo, op->in[i].hi);
	tensor_scope_begin(GRAD);
	int n = make_inputs(op, data, in);
	for (int graph = 0; graph < 2; graph++)
		CHECK(tensor_grad(loss_of(op, in), in, n, grads[graph], graph) == 0);
	for (int i = 0; i < n; i++) {
		for (int graph = 0; graph < 2; graph++)
			CHECK(tensor_read(grads[graph][i], T_F64, grad[graph], numel(&op->in[i])) ==
			      0);
		for (int j = 0; j < numel(&op->in[i]); j++) {
			double d = difference(op, data, &data[i][j]);
			worst = fmax(worst, fmax(fabs(d - grad[0][j]), fabs(d - grad[1][j])));
			scale = fmax(scale, fabs(d));
		}
	}
	tensor_scope_end();
	return worst / scale;
}

static void first_derivatives(void)
{
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		double e = gradient_error(&ops[i]);
		if (!(e < 1e-6))
			printf("%s: relative error %g\n", ops[i].name, e);
		CHECK(e < 1e-6);
	}
	CHECK(tensor_error() == NULL);
}

/* log(1 + e^x) of each x, from [n,1]. */
static Tensor *softplus(Tensor *x)
{
	Tensor *both[] = {x, tensor_full_like(x, 0)};
	Tensor *log_share = tensor_log_softmax(tensor_cat(both, 2, 1), 1);
	return tensor_affine(tensor_narrow(log_share, 1, 1, 1), -1, 0);
}

/* d2/dx2 of x^3, and of log(1 + e^x), whose second derivative is s (1 - s) with s the sigmoid. */
static void second_derivatives(void)
{
	double x[] = {-1.5, 0.25, 2}, first[3], second[3];
	for (int cubic = 0; cubic < 2; cubic++) {
		tensor_scope_begin(GRAD);
		Tensor *t = tensor_from(x, T_F64, 2, (int64_t[]){3, 1}), *g, *gg;
		tensor_requires_grad_(t, true);
		Tensor *y = cubic ? tensor_mul(t, tensor_mul(t, t)) : softplus(t);
		CHECK(tensor_grad(tensor_sum(y, 0, NULL, false), &t, 1, &g, true) == 0);
		CHECK(tensor_grad(tensor_sum(g, 0, NULL, false), &t, 1, &gg, false) == 0);
		CHECK(
		    tensor_read(g, T_F64, first, 3) == 0 && tensor_read(gg, T_F64, second, 3) == 0);
		for (int i = 0; i < 3; i++) {
			double s = 1 / (1 + exp(-x[i]));
			CHECK_NEAR(first[i], cubic ? 3 * x[i] * x[i] : s, 1e-12);
			CHECK_NEAR(second[i], cubic ? 6 * x[i] : s * (1 - s), 1e-12);
		}
		tensor_scope_end();
	}
}

/* The gradient of |d batch_stats / dx|^2 against differences of it: the graph that create_graph
 * makes is right too. */
static double squared_gradient(const double *x, double *slope)
{
	tensor_scope_begin(GRAD);
	Tensor *t = tensor_from(x, T_F64, 4, (int64_t[]){2, 2, 2, 2}), *g, *gg, *mean, *var;
	tensor_requires_grad_(t, true);
	tensor_batch_stats(t, 1, &mean, &var);
	Tensor *loss =
	    tensor_sum(tensor_add(tensor_mul(var, var), tensor_mul(mean, var)), 0, NULL, false);
	CHECK(tensor_grad(loss, &t, 1, &g, true) == 0);
	Tensor *square = tensor_sum(tensor_mul(g, g), 0, NULL, false);
	CHECK(tensor_grad(square, &t, 1, &gg, false) == 0);
	tensor_read(gg, T_F64, slope, 16);
	double value = tensor_item(square);
	tensor_scope_end();
	return value;
}

static void batch_stats_twice(void)
{
	double x[16], slope[16], unused[16];
	for (int i = 0; i < 16; i++)
		x[i] = uniform(-1, 1);
	squared_gradient(x, slope);
	for (int i = 0; i < 16; i++) {
		const double h = 1e-5, keep = x[i];
		x[i] = keep + h;
		double up = squared_gradient(x, unused);
		x[i] = keep - h;
		double down = squared_gradient(x, unused);
		x[i] = keep;
		CHECK_NEAR(slope[i], (up - down) / (2 * h), 1e-7);
	}
}

static void norm_at_zero(void)
{
	double grad[2];
	tensor_scope_begin(GRAD);
	Tensor *t = tensor_full(0, T_F64, 2, (int64_t[]){1, 2}), *g;
	tensor_requires_grad_(t, true);
	CHECK(tensor_grad(tensor_sum(tensor_norm(t, 1, false), 0, NULL, false), &t, 1, &g, false) ==
	      0);
	CHECK(tensor_read(g, T_F64, grad, 2) == 0 && grad[0] == 0 && grad[1] == 0);
	tensor_scope_end();
}

static void unused_input_has_zero_gradient(void)
{
	tensor_scope_begin(GRAD);
	Tensor *in[] = {tensor_full(2, T_F64, 0, NULL), tensor_full(3, T_F32, 1, (int64_t[]){4})},
	       *g[2];
	tensor_requires_grad_(in[0], true);
	tensor_requires_grad_(in[1], true);
	CHECK(tensor_grad(tensor_mul(in[0], in[0]), in, 2, g, false) == 0);
	CHECK(tensor_item(g[0]) == 4 && tensor_numel(g[1]) == 4 &&
	      tensor_item(tensor_sum(g[1], 0, NULL, false)) == 0);
	tensor_scope_end();
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(first_derivatives);
	RUN(second_derivatives);
	RUN(batch_stats_twice);
	RUN(norm_at_zero);
	RUN(unused_input_has_zero_gradient);
	CHECK(tensor_live() == 0);
	return check_done();
}
