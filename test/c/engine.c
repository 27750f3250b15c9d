/* The frozen-teacher engine's passes against the operations that they stand for, and against
 * scalar re-derivations. */
#include <stdlib.h>

#include "lib/torch/functional.h"
#include "lib/torch/fused.h"
#include "lib/torch/optim.h"
#include "lib/torch/pixels.h"
#include "lib/torch/replay.h"
#include "lib/torch/start.h"
#include "lib/torch/tensor.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

enum { IMAGES = 2 };

enum { S = 9, PIXELS = IMAGES * 3 * S * S, SEEN_MAX = 14 };

/* The sample of a box at output coordinate i of n, pixel centres at half: two neighbours and the
 * second's share. */
static void neighbours(int i, int n, int start, int length, int at[2], double *share)
{
	double u = fmax((i + 0.5) * length / n - 0.5, 0);
	int low = (int)u;
	at[0] = start + low;
	at[1] = start + (low + 1 < length ? low + 1 : low);
	*share = u - low;
}

static double sample(const double *plane, const struct pixel_view *b, int n, int y, int x)
{
	int row[2], column[2];
	double down, right;
	neighbours(y, n, b->y, b->h, row, &down);
	neighbours(x, n, b->x, b->w, column, &right);
	double top =
	    (1 - right) * plane[row[0] * S + column[0]] + right * plane[row[0] * S + column[1]];
	double bottom =
	    (1 - right) * plane[row[1] * S + column[0]] + right * plane[row[1] * S + column[1]];
	return (1 - down) * top + down * bottom;
}

/* n x n pixels: where one was before the roll, then before the flip. */
static void view_scalar(const struct pixel_view *v, int n, const double *x, double *out)
{
	for (int i = 0; i < IMAGES * 3 * n * n; i++) {
		int row = (i / n % n - v->roll_y + n) % n, column = (i % n - v->roll_x + n) % n;
		out[i] =
		    sample(x + i / (n * n) * S * S, v, n, row, v->flip ? n - 1 - column : column);
	}
}

static const struct pixel_view views[] = {
    {0, 0, S, S},
    {2, 1, 4, 7},
    {1, 3, 6, 5, .flip = true},
    {3, 2, 5, 6, .flip = true, .roll_x = 1, .roll_y = 3},
    {8, 8, 1, 1, .roll_x = 2},
};

static Tensor *seen(const struct pixel_view *v, int n, const Tensor *x, enum scalar type)
{
	return tensor_step_view(x, tensor_views(v, n, S, S), S, S, type);
}

/* As large as the images, smaller, and larger. */
static const int seen_at[] = {S, 5, SEEN_MAX};

static void view_values(void)
{
	double x[PIXELS], want[IMAGES * 3 * SEEN_MAX * SEEN_MAX], got[sizeof want / sizeof *want];
	tensor_scope_begin(NO_GRAD);
	Tensor *t = random_tensor(T_F32, 4, (int64_t[]){IMAGES, 3, S, S}, 3);
	CHECK(tensor_read(t, T_F64, x, PIXELS) == 0);
	for (size_t k = 0; k < 3 * sizeof views / sizeof *views; k++) {
		const struct pixel_view *v = &views[k / 3];
		int n = seen_at[k % 3], pixels = IMAGES * 3 * n * n;
		view_scalar(v, n, x, want);
		Tensor *y = tensor_step_view(t, tensor_views(v, 1, S, S), n, n, T_F32);
		CHECK(tensor_read(y, T_F64, got, pixels) == 0);
		for (int i = 0; i < pixels; i++)
			CHECK_NEAR(got[i], want[i], 5e-6);
	}
	tensor_scope_end();
}

/* <A x, y> = <x, A' y>, A' y being the gradient of <A x, y>. */
static void view_adjoint(void)
{
	int64_t shape[] = {IMAGES, 3, S, S};
	for (size_t k = 0; k < 3 * sizeof views / sizeof *views; k++) {
		const struct pixel_view *v = &views[k / 3];
		int n = seen_at[k % 3], pixels = IMAGES * 3 * n * n;
		double x[PIXELS], Aty[PIXELS], left = 0, right = 0;
		double y[IMAGES * 3 * SEEN_MAX * SEEN_MAX], Ax[sizeof y / sizeof *y];
		tensor_scope_begin(GRAD);
		Tensor *tx = random_tensor(T_F32, 4, shape, 4),
		       *ty = random_tensor(T_F32, 4, (int64_t[]){IMAGES, 3, n, n}, 5), *d;
		Tensor *at = random_tensor(T_F32, 4, shape, 6);
		tensor_requires_grad_(at, true);
		Tensor *seen_there = tensor_step_view(at, tensor_views(v, 1, S, S), n, n, T_F32);
		Tensor *product = tensor_sum(tensor_mul(seen_there, ty), 0, NULL, false);
		CHECK(tensor_grad(product, &at, 1, &d, false) == 0 &&
		      tensor_read(d, T_F64, Aty, PIXELS) == 0);
		CHECK(tensor_read(tx, T_F64, x, PIXELS) == 0 &&
		      tensor_read(ty, T_F64, y, pixels) == 0);
		view_scalar(v, n, x, Ax);
		for (int i = 0; i < pixels; i++)
			left += Ax[i] * y[i];
		for (int i = 0; i < PIXELS; i++)
			right += x[i] * Aty[i];
		CHECK_NEAR(left, right, 2e-5);
		tensor_scope_end();
	}
}

/* Several views: each part of the images as through its view alone. */
static void views_of_parts(void)
{
	struct pixel_view two[] = {views[2], views[3]};
	int64_t shape[] = {2 * IMAGES, 3, S, S};
	tensor_scope_begin(GRAD);
	Tensor *x = random_tensor(T_F32, 4, shape, 4), *dy = random_tensor(T_F32, 4, shape, 5), *dx;
	tensor_requires_grad_(x, true);
	Tensor *y = seen(two, 2, x, T_F32);
	CHECK(tensor_grad(tensor_sum(tensor_mul(y, dy), 0, NULL, false), &x, 1, &dx, false) == 0);
	for (int i = 0; i < 2; i++) {
		Tensor *part = tensor_clone(tensor_narrow(x, 0, i * IMAGES, IMAGES)), *d;
		tensor_requires_grad_(part, true);
		Tensor *alone = seen(&two[i], 1, part, T_F32);
		Tensor *product = tensor_sum(
		    tensor_mul(alone, tensor_narrow(dy, 0, i * IMAGES, IMAGES)), 0, NULL, false);
		CHECK(tensor_grad(product, &part, 1, &d, false) == 0);
		CHECK(distance(tensor_narrow(y, 0, i * IMAGES, IMAGES), alone) == 0);
		CHECK(distance(tensor_narrow(dx, 0, i * IMAGES, IMAGES), d) == 0);
	}
	CHECK_STR(tensor_error(), NULL);
	tensor_scope_end();
}

/* In bf16 the view is the f32 one rounded, and its adjoint that of the rounded gradient. */
static void view_bf16(void)
{
	int64_t shape[] = {IMAGES, 3, S, S};
	for (size_t k = 0; k < sizeof views / sizeof *views; k++) {
		tensor_scope_begin(GRAD);
		Tensor *x = random_tensor(T_F32, 4, shape, 4),
		       *dy = tensor_to(random_tensor(T_F32, 4, shape, 5), T_BF16), *d[2];
		tensor_requires_grad_(x, true);
		Tensor *y = seen(&views[k], 1, x, T_F32), *narrow = seen(&views[k], 1, x, T_BF16);
		CHECK(tensor_type(narrow) == T_BF16);
		CHECK(distance(tensor_to(narrow, T_F32), tensor_to(tensor_to(y, T_BF16), T_F32)) ==
		      0);
		Tensor *sums[] = {tensor_sum(tensor_mul(y, tensor_to(dy, T_F32)), 0, NULL, false),
		    tensor_sum(tensor_mul(narrow, dy), 0, NULL, false)};
		CHECK(tensor_grad(sums[0], &x, 1, &d[0], false) == 0 &&
		      tensor_grad(sums[1], &x, 1, &d[1], false) == 0);
		CHECK(distance(d[1], d[0]) == 0);
		tensor_scope_end();
	}
}

static void view_refused(void)
{
	struct pixel_view outside = {.x = 4, .y = 0, .w = S - 3, .h = S};
	tensor_scope_begin(NO_GRAD);
	Tensor *x = random_tensor(T_F32, 4, (int64_t[]){IMAGES, 3, S, S}, 4);
	CHECK(!tensor_views(&outside, 1, S, S));
	CHECK(tensor_error() && strstr(tensor_error(), "the box leaves the image"));
	tensor_error_clear();
	if (!torch_on_gpu()) { /* views of other images: a GPU's are not looked into */
		CHECK(!tensor_step_view(x, tensor_views(&outside, 1, S + 1, S), S, S, T_F32));
		CHECK(tensor_error() && strstr(tensor_error(), "the box leaves the image"));
		tensor_error_clear();
	}
	CHECK(!seen((struct pixel_view[3]){views[0], views[0], views[0]}, 3, x, T_F32));
	CHECK(tensor_error() && strstr(tensor_error(), "2 images cannot be seen through 3 views"));
	tensor_error_clear();
	tensor_scope_end();
}

/* Values and gradient of tensor_conv2d, for every kernel and for sizes whose halves are odd. */
static void stems(void)
{
	static const int64_t sizes[][2] = {{8, 8}, {10, 14}, {2, 6}, {32, 22}};
	for (int padding = 1; padding <= 3; padding++)
		for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
			int64_t size = 2 * padding + 1,
			        out[] = {IMAGES, 20, sizes[k][0] / 2, sizes[k][1] / 2};
			tensor_scope_begin(GRAD);
			Tensor *x = random_tensor(
			           T_F32, 4, (int64_t[]){IMAGES, 3, sizes[k][0], sizes[k][1]}, 1),
			       *d[2];
			Tensor *w = random_tensor(T_F32, 4, (int64_t[]){20, 3, size, size}, 2),
			       *dy = random_tensor(T_F32, 4, out, 3);
			tensor_requires_grad_(x, true);
			Tensor *y[] = {tensor_conv2d(x, w, NULL, 2, padding, 1),
			    tensor_stem(x, w, tensor_stem_adjoint(w, padding), padding)};
			for (int i = 0; i < 2; i++)
				CHECK(tensor_grad(tensor_sum(tensor_mul(y[i], dy), 0, NULL, false),
				          &x, 1, &d[i], false) == 0);
			CHECK(distance(y[1], y[0]) < 1e-6);
			CHECK_THAT(distance(d[1], d[0]) < 1e-6, "padding %d, size %zu: off by %g",
			    padding, k, distance(d[1], d[0]));
			CHECK_STR(tensor_error(), NULL);
			tensor_scope_end();
		}
}

/* torch's Adam and clamp, over some steps; 5x7 pixels leave a rest of every run of vectors. */
static void adam(void)
{
	enum { STEPS = 7 };
	int64_t shape[] = {IMAGES, 3, 5, 7}, channels[] = {1, 3, 1, 1};
	struct adam_pixels how = {.lr = 0.25,
	    .beta1 = 0.5,
	    .beta2 = 0.9,
	    .eps = 1e-8,
	    .lo = {-1, -0.5, -2},
	    .hi = {1, 0.5, 0.7}};
	tensor_scope_begin(NO_GRAD);
	Tensor *lo = tensor_to(tensor_from(how.lo, T_F64, 4, channels), T_F32),
	       *hi = tensor_to(tensor_from(how.hi, T_F64, 4, channels), T_F32);
	Tensor *t[2][3];
	for (int i = 0; i < 2; i++) {
		t[i][0] = tensor_channels_last(tensor_clone(random_tensor(T_F32, 4, shape, 1)));
		t[i][1] = tensor_full_like(t[i][0], 0);
		t[i][2] = tensor_full_like(t[i][0], 0);
	}
	for (long step = 1; step <= STEPS; step++) {
		Tensor *grad = random_tensor(T_F32, 4, shape, 10 + (uint32_t)step);
		tensor_adam_pixels_(
		    t[0][0], grad, t[0][1], t[0][2], tensor_adam_numbers(step, &how));
		struct optim_step adam = {tensor_optim_numbers(step, how.lr), 1, 0};
		tensor_adam_(&t[1][0], &grad, &t[1][1], &t[1][2], 1, &adam, how.beta1, how.beta2,
		    how.eps, false);
		tensor_clamp_(t[1][0], lo, hi);
		for (int i = 0; i < 3; i++)
			CHECK_THAT(distance(t[0][i], t[1][i]) < 1e-6, "step %ld: %d is off by %g",
			    step, i, distance(t[0][i], t[1][i]));
	}
	CHECK_STR(tensor_error(), NULL);
	tensor_scope_end();
}

static long resident(void)
{
	long pages = 0, own = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	CHECK(f && fscanf(f, "%ld %ld", &pages, &own) == 2);
	if (f)
		fclose(f);
	return own * 4096 >> 20;
}

/* Freed tensors of many sizes do not pile up: at most 126 MiB are in use at once, and 20 GiB
 * pass through. */
static void memory(void)
{
	enum { MIB = 1 << 18 };
	long before = resident();
	for (int64_t round = 0; round < 300; round++) {
		tensor_scope_begin(NO_GRAD);
		tensor_full(1, T_F32, 1, (int64_t[]){(4 + 7 * round % 60) * MIB});
		tensor_full(1, T_F32, 1, (int64_t[]){(4 + 11 * round % 60) * MIB});
		tensor_scope_end();
	}
	CHECK_THAT(resident() - before < 400, "%ld MiB are kept", resident() - before);
}

/* In bf16 they have a gradient of their own: it is that of f32 on the same numbers, but for
 * bf16's digits. */
static void depthwise(void)
{
	enum { C = 5 };
	for (int k = 0; k < 24; k++) {
		int kernel = (int[]){1, 3, 5}[k / 8], stride = 2 + k / 4 % 2, high = 12 + k % 4,
		    wide = 11 + k % 2;
		Tensor *d[2][2];
		tensor_scope_begin(GRAD);
		for (int low = 0; low < 2; low++) {
			Tensor *x =
			    random_tensor(T_BF16, 4, (int64_t[]){IMAGES, C, high, wide}, 31);
			Tensor *w = random_tensor(T_BF16, 4, (int64_t[]){C, 1, kernel, kernel}, 32),
			       *y;
			x = tensor_channels_last(tensor_to(x, low ? T_BF16 : T_F32));
			w = tensor_to(w, T_F32);
			tensor_requires_grad_(x, true);
			tensor_requires_grad_(w, true);
			y = tensor_to(tensor_conv2d(x, w, NULL, stride, kernel / 2, C), T_F32);
			int64_t shape[] = {IMAGES, C, tensor_size(y, 2), tensor_size(y, 3)};
			Tensor *dy = tensor_to(random_tensor(T_BF16, 4, shape, 33), T_F32);
			CHECK(tensor_grad(tensor_sum(tensor_mul(y, dy), 0, NULL, false),
			          (Tensor *[]){x, w}, 2, d[low], false) == 0);
		}
		CHECK(distance(d[1][0], d[0][0]) < 4e-3 && distance(d[1][1], d[0][1]) < 4e-3);
		tensor_scope_end();
	}
	CHECK_STR(tensor_error(), NULL);
}

enum { CHANNELS = 20 };

struct pooled {
	Tensor *y, *mean, *var, *d[3]; /* of x, weight, bias */
};

/* With the pool in the same pass, or behind it; `batch`: with the batch's statistics. */
static struct pooled pooled_bn(
    const Tensor *given, enum scalar type, double top, bool batch, bool apart)
{
	struct pooled p = {0};
	Tensor *v[5], *x = tensor_channels_last(tensor_clone(tensor_to(given, type)));
	for (int i = 0; i < 4; i++)
		v[i + 1] =
		    tensor_clone(random_tensor(T_F32, 1, (int64_t[]){CHANNELS}, 41 + (uint32_t)i));
	v[0] = x;
	v[3] = tensor_mul(
	    v[3], tensor_full(0.01, T_F32, 0, NULL)); /* near x's, as it is in networks */
	struct bn_params norm = {v[1], v[2], v[3], tensor_mul(v[4], v[4]), 1e-5};
	struct bn_then then = {.top = top, .pools = !apart};
	for (int i = 0; i < 3; i++)
		tensor_requires_grad_(v[i], i == 0 || batch);
	if (batch)
		p.y = tensor_batch_bn(x, &norm, &then, 0.1);
	else
		p.y = tensor_frozen_bn(x, &norm, &then, 2, &p.mean, &p.var);
	if (apart)
		p.y = tensor_max_pool2d(p.y, 3, 2, 1);
	int64_t shape[] = {2 * IMAGES, CHANNELS, tensor_size(p.y, 2), tensor_size(p.y, 3)};
	Tensor *dy = tensor_to(random_tensor(T_F32, 4, shape, 51), type);
	Tensor *sum = tensor_sum(tensor_to(tensor_mul(p.y, dy), T_F32), 0, NULL, false);
	if (!batch) {
		Tensor *of_mean = tensor_sum(tensor_mul(p.mean, p.mean), 0, NULL, false);
		sum = tensor_add(
		    sum, tensor_add(of_mean, tensor_sum(tensor_mul(p.var, p.var), 0, NULL, false)));
	}
	CHECK(tensor_grad(sum, v, batch ? 3 : 1, p.d, false) == 0);
	return p;
}

/* In f32 y is the same to the bit; gradients and statistics are added up in other orders. In
 * bf16 the two round d differently. */
static void check_pooled(const Tensor *x, enum scalar type, double top, bool batch)
{
	struct pooled one = pooled_bn(x, type, top, batch, false),
	              two = pooled_bn(x, type, top, batch, true);
	double bound = type == T_F32 ? 1e-6 : 5e-3;
	CHECK(distance(one.y, two.y) == 0);
	for (int i = 0; i < (batch ? 3 : 1); i++)
		CHECK_THAT(distance(one.d[i], two.d[i]) < bound, "gradient %d is off by %g", i,
		    distance(one.d[i], two.d[i]));
	if (!batch) {
		double off[] = {distance(one.mean, two.mean), distance(one.var, two.var)};
		CHECK_THAT(
		    off[0] < 5e-6 && off[1] < 1e-6, "mean is off by %g, var by %g", off[0], off[1]);
		CHECK(tensor_size(one.mean, 0) == 2 && tensor_size(one.mean, 1) == CHANNELS);
	}
	CHECK_STR(tensor_error(), NULL);
}

static void pools(void)
{
	static const int64_t sizes[][2] = {{8, 8}, {7, 5}, {1, 6}, {16, 9}};
	for (int k = 0; k < 32; k++) {
		tensor_scope_begin(GRAD);
		Tensor *x = random_tensor(T_F32, 4,
		    (int64_t[]){2 * IMAGES, CHANNELS, sizes[k / 8][0], sizes[k / 8][1]}, 40);
		check_pooled(x, k & 1 ? T_BF16 : T_F32, k & 2 ? INFINITY : 0, k & 4);
		tensor_scope_end();
	}
}

/* Rounding to bf16 gives what libtorch gives: all of its normal numbers and values between them,
 * 8, 2 and 1 channels at a time. The CPU flushes the others to 0. */
static void rounding(void)
{
	static const uint32_t below[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
	static uint32_t bits[6 * 0x10000 + 2];
	static double got[6 * 0x10000 + 2], want[6 * 0x10000 + 2];
	for (int i = 0; i < 6 * 0x10000 + 2; i++)
		bits[i] = (uint32_t)(i / 6) << 16 | below[i % 6];
	for (int64_t C = 6 * 0x10000; C <= 6 * 0x10000 + 2; C++)
		for (int pools = 0; pools < 2; pools++) {
			tensor_scope_begin(NO_GRAD);
			Tensor *one = tensor_full(1, T_F32, 1, &C),
			       *zero = tensor_full(0, T_F32, 1, &C);
			Tensor *bias = tensor_from(bits, T_F32, 1, &C),
			       *x = tensor_full(-0.0, T_BF16, 4, (int64_t[]){1, C, 1, 1});
			struct bn_params norm = {one, bias, zero, one, 0};
			struct bn_then then = {.pools = pools};
			Tensor *y = tensor_frozen_bn(x, &norm, &then, 1, NULL, NULL);
			CHECK(tensor_read(y, T_F64, got, C) == 0 &&
			      tensor_read(tensor_to(bias, T_BF16), T_F64, want, C) == 0);
			for (int64_t i = 0; i < C; i++)
				CHECK_THAT(isnan(want[i])              ? isnan(got[i])
				           : fabs(want[i]) <= 0x1p-126 ? fabs(got[i]) <= 0x1p-126
				                                       : got[i] == want[i],
				    "bits %08x became %a, not %a", bits[i], got[i], want[i]);
			tensor_scope_end();
		}
	CHECK_STR(tensor_error(), NULL);
}

static void pool_refused(void)
{
	tensor_scope_begin(NO_GRAD);
	Tensor *x = random_tensor(T_F32, 4, (int64_t[]){IMAGES, CHANNELS, 4, 4}, 40),
	       *v = tensor_full(1, T_F32, 1, (int64_t[]){CHANNELS});
	struct bn_params norm = {v, v, v, v, 1e-5};
	struct bn_then then = {.residual = x, .pools = true};
	CHECK(!tensor_frozen_bn(x, &norm, &then, 1, NULL, NULL));
	CHECK(tensor_error() && strstr(tensor_error(), "a pool takes no residual"));
	tensor_error_clear();
	CHECK(!tensor_batch_bn(x, &norm, &then, 0));
	tensor_error_clear();
	tensor_scope_end();
}

/* What does not fit x is not read. */
static void unfitting(const struct bn_params *norm, const Tensor *residual, const char *why)
{
	Tensor *x = random_tensor(T_F32, 4, (int64_t[]){IMAGES, CHANNELS, 4, 4}, 41);
	struct bn_then then = {.residual = residual};
	CHECK(!tensor_frozen_bn(x, norm, &then, 1, NULL, NULL));
	CHECK_THAT(tensor_error() && strstr(tensor_error(), why), "%s", tensor_error());
	tensor_error_clear();
	CHECK(!tensor_batch_bn(x, norm, &then, 0));
	CHECK_THAT(tensor_error() && strstr(tensor_error(), why), "%s", tensor_error());
	tensor_error_clear();
}

static void unfitting_refused(void)
{
	tensor_scope_begin(NO_GRAD);
	Tensor *v = tensor_full(1, T_F32, 1, (int64_t[]){CHANNELS}),
	       *few = tensor_full(1, T_F32, 1, (int64_t[]){CHANNELS - 1});
	Tensor *r = random_tensor(T_F32, 4, (int64_t[]){IMAGES, CHANNELS, 4, 4}, 42);
	struct bn_params norm = {v, v, v, v, 1e-5}, short_bias = {v, few, v, v, 1e-5};
	unfitting(&norm, tensor_narrow(r, 0, 0, 1), "the residual has another shape");
	unfitting(&norm, tensor_to(r, T_BF16), "the residual has another shape or type");
	unfitting(&short_bias, r, "a BatchNorm of");
	tensor_scope_end();
}

enum { RESULTS = 16 };

/* Something of every pass of this file, on images large enough to be shared among threads. */
static int every_pass(Tensor *out[RESULTS])
{
	int64_t side = 96, shape[] = {2 * IMAGES, 3, side, side};
	int n = 0;
	Tensor *x = random_tensor(T_F32, 4, (int64_t[]){2 * IMAGES, CHANNELS, 45, 50}, 61);
	for (int k = 0; k < 4; k++) {
		struct pooled p = pooled_bn(x, T_F32, INFINITY, k & 1, k & 2);
		out[n++] = p.y;
		out[n++] = p.d[0];
		out[n++] = k & 1 ? p.d[1] : p.var;
	}
	Tensor *pixels = random_tensor(T_F32, 4, shape, 62),
	       *w = random_tensor(T_F32, 4, (int64_t[]){CHANNELS, 3, 7, 7}, 63), *d;
	struct pixel_view view = {.x = 5, .y = 3, .w = 70, .h = 61, .flip = true, .roll_x = 4};
	struct adam_pixels how = {.lr = 0.25,
	    .beta1 = 0.5,
	    .beta2 = 0.9,
	    .eps = 1e-8,
	    .lo = {-1, -1, -1},
	    .hi = {1, 1, 1}};
	tensor_requires_grad_(pixels, true);
	Tensor *views_at = tensor_views(&view, 1, (int)side, (int)side);
	Tensor *y = tensor_step_view(pixels, views_at, (int)side, (int)side, T_F32);
	Tensor *stem = tensor_stem(y, w, tensor_stem_adjoint(w, 3), 3);
	CHECK(tensor_grad(
	          tensor_sum(tensor_mul(stem, stem), 0, NULL, false), &pixels, 1, &d, false) == 0);
	out[n++] = y;
	out[n++] = d;
	Tensor *t[] = {tensor_full_like(d, 0.5), tensor_full_like(d, 0), tensor_full_like(d, 0)};
	tensor_adam_pixels_(t[0], d, t[1], t[2], tensor_adam_numbers(1, &how));
	out[n++] = t[0];
	out[n++] = t[2];
	return n;
}

/* As many threads as one likes give the same bits. */
static void threads(void)
{
	static const int many[] = {1, 2, 5};
	double *first[RESULTS] = {0};
	for (int k = 0; k < 3; k++) {
		CHECK(torch_start("cpu", many[k]) == 0);
		CHECK(torch_threads() == many[k]);
		tensor_scope_begin(GRAD);
		Tensor *out[RESULTS];
		int n = every_pass(out);
		CHECK(n == RESULTS);
		for (int i = 0; i < n; i++) {
			int64_t count = tensor_numel(out[i]);
			double *v = calloc((size_t)count, sizeof *v);
			CHECK(tensor_read(out[i], T_F64, v, count) == 0);
			if (first[i])
				CHECK_THAT(!memcmp(v, first[i], (size_t)count * sizeof *v),
				    "%d threads: result %d differs", many[k], i);
			else
				first[i] = v;
			if (v != first[i])
				free(v);
		}
		CHECK_STR(tensor_error(), NULL);
		tensor_scope_end();
	}
	for (int i = 0; i < RESULTS; i++)
		free(first[i]);
	CHECK(torch_start("cpu", 1) == 0);
}

/* Every thread takes some of the images: the gradients are those of one thread in f32, but for
 * digits. One image is one thread's, and leaves the others to who comes next. */
static void weights(void)
{
	static const struct {
		int in, out, kernel, stride, groups;
	} conv[] = {{16, 24, 1, 1, 1}, {16, 24, 3, 1, 1}, {3, 16, 7, 2, 1}, {16, 16, 3, 1, 16},
	    {16, 16, 3, 2, 16}};
	for (int k = 0; k < 20; k++) {
		int64_t images = k < 15 ? 7 : 1;
		int c = k % 5, in = conv[c].in, out = conv[c].out, kernel = conv[c].kernel,
		    threads = (int[]){2, 3, 9, 2}[k / 5];
		Tensor *d[3][2]; /* f32 on one thread; f32 and bf16 on several */
		for (int way = 0; way < 3; way++) {
			CHECK(torch_start("cpu", way ? threads : 1) == 0);
			tensor_scope_begin(GRAD);
			Tensor *x = tensor_to(
			    random_tensor(T_BF16, 4, (int64_t[]){images, in, 13, 10}, 71), T_F32);
			Tensor *w = random_tensor(T_BF16, 4,
			           (int64_t[]){out, in / conv[c].groups, kernel, kernel}, 72),
			       *y;
			x = tensor_channels_last(tensor_to(x, way == 2 ? T_BF16 : T_F32));
			w = tensor_channels_last(tensor_to(w, T_F32));
			tensor_requires_grad_(x, true);
			tensor_requires_grad_(w, true);
			y = tensor_to(
			    tensor_conv2d(x, w, NULL, conv[c].stride, kernel / 2, conv[c].groups),
			    T_F32);
			int64_t shape[] = {images, out, tensor_size(y, 2), tensor_size(y, 3)};
			Tensor *dy = tensor_to(random_tensor(T_BF16, 4, shape, 73), T_F32);
			CHECK(tensor_grad(tensor_sum(tensor_mul(y, dy), 0, NULL, false),
			          (Tensor *[]){x, w}, 2, d[way], false) == 0);
			CHECK(torch_threads() == (way ? threads : 1));
			tensor_keep(d[way][0]);
			tensor_keep(d[way][1]);
			tensor_scope_end();
			for (int i = 0; i < 2 && way; i++)
				CHECK_THAT(distance(d[way][i], d[0][i]) < (way == 2 ? 4e-3 : 1e-6),
				    "convolution %d, %d threads, way %d: %g", c, threads, way,
				    distance(d[way][i], d[0][i]));
		}
	}
	CHECK_STR(tensor_error(), NULL);
	CHECK(torch_start("cpu", 1) == 0);
}

struct adding {
	Tensor *sum, *x;
	bool reads;
	int taken;
};

/* sum += x^2; with `reads` it wants to know x first, which cannot be recorded. */
static int add_square(void *ctx)
{
	struct adding *a = ctx;
	a->taken++;
	if (a->reads && isnan(tensor_item(a->x)))
		return -1;
	tensor_scope_begin(NO_GRAD);
	tensor_add_(a->sum, tensor_mul(a->x, a->x), 1);
	tensor_scope_end();
	return tensor_error() ? -1 : 0;
}

/* The sum of the first ten squares, whichever way its steps were taken; a GPU calls the function
 * for the first four alone. */
static void adds_up(bool reads)
{
	struct adding a = {.reads = reads};
	Replay *replay = replay_new();
	tensor_scope_begin(NO_GRAD);
	a.sum = tensor_full(0, T_F32, 0, NULL);
	for (int i = 1; i <= 10; i++) {
		tensor_to_static(&a.x, tensor_full(i, T_F32, 0, NULL));
		CHECK(replay_take(replay, add_square, &a) == 0);
	}
	CHECK_NEAR(tensor_item(a.sum), 385, 0);
	CHECK_THAT(a.taken == (!torch_on_gpu() ? 10 : reads ? 11 : 4), "taken %d times", a.taken);
	tensor_free(a.x);
	tensor_scope_end();
	replay_free(replay);
}

static void replayed(void)
{
	adds_up(false);
}

/* It does not keep the next from being recorded. */
static void not_to_be_recorded(void)
{
	adds_up(true);
	adds_up(false);
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(view_values);
	RUN(view_adjoint);
	RUN(view_bf16);
	RUN(views_of_parts);
	RUN(view_refused);
	RUN(stems);
	RUN(depthwise);
	RUN(weights);
	RUN(pools);
	RUN(rounding);
	RUN(pool_refused);
	RUN(unfitting_refused);
	RUN(adam);
	if (!torch_on_gpu())
		RUN(threads);
	RUN(memory);
	RUN(replayed);
	RUN(not_to_be_recorded);
	return check_done();
}
