/* What layers get of images and photographs (layer-loss.h, moving.h) in f64: values against scalar
 * re-derivations, gradients against central differences of these. And what a teacher says of an
 * average of the images (flatness.h). */
#include "lib/fd2/distill/layer-loss.h"

#include <stdlib.h>

#include "lib/base/opts.h"
#include "lib/base/rng.h"
#include "lib/fd2/distill/flatness.h"
#include "lib/fd2/distill/method.h"
#include "lib/torch/pixels.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

/* I indices of n classes, of K; batches begin with class FIRST. */
enum { I = 2, n = 3, N = I * n, C = 2, h = 3, w = 2, HW = h * w, K = 5, FIRST = 1, X = N * C * HW };

static double x_[X], all_[STATISTICS][C], own_[STATISTICS][K][C];
static struct method method;

static void draw(double *v, int count, double lo, double hi, uint64_t what)
{
	struct rng r = rng_at(7, RNG_TEST, what, 1, 0);
	for (int i = 0; i < count; i++)
		v[i] = rng_between(&r, lo, hi);
}

static int width(int statistic)
{
	return statistic < STAT_PATCH_MEAN ? C : 1;
}

static struct target target(void)
{
	struct target t;
	for (int s = 0; s < STATISTICS; s++) {
		t.all[s] = tensor_from(all_[s], T_F64, 1, (int64_t[]){width(s)});
		Tensor *wide = tensor_from(own_[s], T_F64, 2, (int64_t[]){K, C});
		t.of_class[s] = tensor_narrow(wide, 1, 0, width(s));
	}
	return t;
}

/* Two BatchNorms and, if the method matches them, a convolution, all of which get x. */
static Tensor *loss(const Tensor *x)
{
	struct bn bn[2] = {{.index = 0}, {.index = 1}};
	struct conv conv = {.index = 0};
	struct target of[3] = {target(), target(), target()};
	struct distill_teacher teacher = {.targets = {.bn = of, .conv = of + 2}};
	struct bn_statistics seen = {0};
	struct conv_statistics convs = {0};
	struct moving moving = {0};
	struct terms terms = {0};
	struct step_pass p = {.teacher = &teacher,
	    .indices = I,
	    .first = FIRST,
	    .classes = n,
	    .statistics = &seen,
	    .convs = &convs,
	    .moving = &moving};
	for (int l = 0; l < 2; l++) {
		Tensor *mean, *var;
		tensor_batch_stats(x, method.match.classes == CLASSES_EACH ? N : I, &mean, &var);
		bn_statistics_add(&seen, &bn[l], mean, var);
	}
	if (method.match.layers == LAYERS_ALL)
		conv_statistics_add(&convs, &conv, x, I);
	Tensor *sum = layer_term(&method, &p, &terms);
	CHECK(terms.n == 1 + (method.match.layers == LAYERS_ALL));
	free(seen.v);
	free(convs.v);
	return sum;
}

/* Pixel (i,j) of a map of h x w resized to 16 x 16. */
static double resized(const double *map, int i, int j)
{
	double y = fmax((i + 0.5) * h / 16 - 0.5, 0), z = fmax((j + 0.5) * w / 16 - 0.5, 0);
	int y0 = (int)y, z0 = (int)z, y1 = y0 + (y0 < h - 1), z1 = z0 + (z0 < w - 1);
	double a = y - y0, b = z - z0;
	return (1 - a) * ((1 - b) * map[y0 * w + z0] + b * map[y0 * w + z1]) +
	       a * ((1 - b) * map[y1 * w + z0] + b * map[y1 * w + z1]);
}

struct moments {
	double sum, square, count;
};

static void add(struct moments *m, double v)
{
	m->sum += v;
	m->square += v * v;
	m->count++;
}

/* Statistics of the images first, first + stride ... (count of them): out [STATISTICS][C]. */
static void seen_by(double out[STATISTICS][C], const double *x, int first, int stride, int count)
{
	struct moments channel[C] = {{0}}, patch = {0};
	for (int k = 0; k < count; k++)
		for (int c = 0; c < C; c++) {
			const double *map = x + ((first + k * stride) * C + c) * HW;
			for (int i = 0; i < HW; i++)
				add(&channel[c], map[i]);
			for (int i = 0; i < 256; i++)
				add(&patch, resized(map, i / 16, i % 16));
		}
	for (int c = 0; c < C; c++) {
		double mean = channel[c].sum / channel[c].count;
		out[STAT_MEAN][c] = mean;
		out[STAT_VAR][c] = channel[c].square / channel[c].count - mean * mean;
	}
	out[STAT_PATCH_MEAN][0] = patch.sum / patch.count;
	out[STAT_PATCH_VAR][0] = patch.square / patch.count - pow(patch.sum / patch.count, 2);
}

static double length(const double *v, int count)
{
	double sum = 0;
	for (int i = 0; i < count; i++)
		sum += v[i] * v[i];
	return sqrt(sum);
}

/* What a normalised distance is divided by: the root of the summed variances, or their length. */
static double unit(int s)
{
	const double *var = all_[s | 1];
	double sum = 0;
	for (int c = 0; c < width(s); c++)
		sum += var[c];
	return method.bn_form == BN_LITERAL ? 1 : s % 2 ? length(var, width(s)) : sqrt(sum);
}

static double apart(double seen[STATISTICS][C], int s, const double *want)
{
	double d[C];
	for (int c = 0; c < width(s); c++)
		d[c] = seen[s][c] - want[c];
	return length(d, width(s)) / unit(s);
}

/* From the classes first .. first + count - 1, of which the mean counts. */
static double apart_from_classes(double seen[STATISTICS][C], int s, int first, int count)
{
	double want[C] = {0};
	for (int k = 0; k < count; k++)
		for (int c = 0; c < C; c++)
			want[c] += own_[s][first + k][c] / count;
	return apart(seen, s, want);
}

static double layer(const double *x, int statistics, bool each)
{
	double sum = 0, seen[STATISTICS][C];
	double share = method.match.classes == CLASSES_NONE ? 0 : method.match.share;
	for (int s = 0; s < statistics; s++) {
		for (int i = 0; i < I; i++) {
			seen_by(seen, x, i * n, 1, n);
			sum += (1 - share) * apart(seen, s, all_[s]) / I;
			if (!each)
				sum += share * apart_from_classes(seen, s, FIRST, n) / I;
		}
		for (int k = 0; k < n && each; k++) {
			seen_by(seen, x, k, n, I);
			sum += share * apart_from_classes(seen, s, FIRST + k, 1) / n;
		}
	}
	return sum;
}

static double loss_scalar(const double *x)
{
	bool all = method.match.layers == LAYERS_ALL;
	double bn = layer(x, 2, method.match.classes == CLASSES_EACH),
	       conv = all ? layer(x, STATISTICS, false) : 0;
	double sum = all ? 2 * bn + 10 * conv : 11 * bn, weights = all ? 12 : 11;
	return method.r_bn * sum * (method.bn_form == BN_LITERAL ? 1 : BN_NORM / weights);
}

static void check_loss(void)
{
	double x[X], grad[X], want[X], largest = 0;
	memcpy(x, x_, sizeof x);
	tensor_scope_begin(GRAD);
	Tensor *t = tensor_from(x, T_F64, 4, (int64_t[]){N, C, h, w}), *d;
	tensor_requires_grad_(t, true);
	Tensor *l = loss(t);
	CHECK_STR(tensor_error(), NULL);
	CHECK_NEAR(tensor_item(l), loss_scalar(x), 1e-6 * loss_scalar(x));
	CHECK(tensor_grad(l, &t, 1, &d, false) == 0 && tensor_read(d, T_F64, grad, X) == 0);
	for (int i = 0; i < X; i++) {
		const double step = 1e-6;
		x[i] = x_[i] + step;
		double up = loss_scalar(x);
		x[i] = x_[i] - step;
		want[i] = (up - loss_scalar(x)) / (2 * step);
		x[i] = x_[i];
		largest = fmax(largest, fabs(want[i]));
	}
	CHECK(largest > 0);
	for (int i = 0; i < X; i++)
		CHECK_NEAR(grad[i], want[i], 1e-6 * largest);
	tensor_scope_end();
}

static void draw_all(void)
{
	draw(x_, X, -1, 2, 1);
	for (int s = 0; s < STATISTICS; s++) {
		draw(all_[s], C, 0.2, 1, (uint64_t)(2 + s));
		draw(own_[s][0], K * C, 0.2, 1, (uint64_t)(12 + s));
	}
}

static void distances(void)
{
	static const double shares[] = {1, 0.3, 0};
	draw_all();
	for (int classes = CLASSES_NONE; classes <= CLASSES_EACH; classes++)
		for (int layers = LAYERS_BN; layers <= LAYERS_ALL; layers++)
			for (int form = BN_LITERAL; form <= BN_NORMALISED; form++)
				for (int i = 0; i < 3; i++) {
					method = (struct method){.r_bn = 0.1,
					    .bn_form = (enum bn_form)form,
					    .match = {(enum class_match)classes, shares[i],
					        (enum layers)layers, 0}};
					check_loss();
				}
}

/* A map that is no multiple of 16, and the two patches of each image by themselves. */
static void patches(void)
{
	enum { H = 32, W = 16 };
	double v[2 * 3 * H * W], mean[4], var[4];
	tensor_scope_begin(NO_GRAD);
	Tensor *x = random_tensor(T_F64, 4, (int64_t[]){2, 3, H, W}, 3), *m, *s;
	patch_statistics(x, 2, &m, &s);
	CHECK(tensor_size(m, 0) == 2 && tensor_size(m, 1) == 2 && tensor_rank(m) == 2);
	CHECK(tensor_read(x, T_F64, v, 2 * 3 * H * W) == 0 && tensor_read(m, T_F64, mean, 4) == 0 &&
	      tensor_read(s, T_F64, var, 4) == 0);
	for (int k = 0; k < 4; k++) {
		struct moments of = {0};
		for (int i = 0; i < 3 * 16 * W; i++)
			add(&of,
			    v[(k / 2 * 3 + i / (16 * W)) * H * W + k % 2 * 16 * W + i % (16 * W)]);
		CHECK_NEAR(mean[k], of.sum / of.count, 1e-12);
		CHECK_NEAR(var[k], of.square / of.count - mean[k] * mean[k], 1e-12);
	}
	/* ceil(17 / 16) x ceil(9 / 16) */
	patch_statistics(random_tensor(T_F32, 4, (int64_t[]){4, 1, 17, 9}, 4), 2, &m, &s);
	CHECK(tensor_size(m, 0) == 2 && tensor_size(m, 1) == 2 && tensor_type(m) == T_F32);
	tensor_scope_end();
}

/* The average of three steps, weighted by 0.4^2, 0.4 and 1, with the gradient of the last. */
static void averages(void)
{
	static const double seen[] = {3, -1, 4};
	struct moving m = {.momentum = 0.4};
	double past = 0, weight = 0;
	tensor_scope_begin(GRAD);
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < 2; i++)
		moving_average(&m, i, tensor_full(7, T_F64, 1, (int64_t[]){1}));
	tensor_scope_end();
	moving_allocated(&m);
	for (int step = 0; step < 3; step++) {
		Tensor *v = tensor_full(seen[step], T_F64, 1, (int64_t[]){1}), *d;
		past = 0.4 * past + seen[step];
		weight = 0.4 * weight + 1;
		tensor_requires_grad_(v, true);
		moving_step(&m);
		for (int i = 0; i < 2; i++) {
			Tensor *average = moving_average(&m, i, v);
			CHECK_NEAR(tensor_item(average), past / weight, 1e-6);
			CHECK(tensor_grad(average, &v, 1, &d, false) == 0);
			CHECK_NEAR(tensor_item(d), 1, 0);
		}
	}
	CHECK(m.n == 2);
	moving_free(&m);
	/* without momentum it is the batch */
	Tensor *v = tensor_full(2, T_F64, 1, (int64_t[]){1});
	CHECK(moving_average(&m, 0, v) == v);
	CHECK_STR(tensor_error(), NULL);
	tensor_scope_end();
}

enum { SIDE = 16, SIDES = 2 * 3 * SIDE * SIDE };

/* softmax(v / 4) */
static void soft(double *p, const double *v)
{
	double sum = 0;
	for (int k = 0; k < K; k++)
		sum += p[k] = exp(v[k] / 4);
	for (int k = 0; k < K; k++)
		p[k] /= sum;
}

/* KL of the average's labels and the images', and the average that takes a hundredth of them. */
static void flat_places(void)
{
	static double was[SIDES], now[SIDES], x[SIDES];
	const struct arch_options o = {.classes = K, .size = SIDE, .last_stride = 2};
	const int64_t shape[] = {2, 3, SIDE, SIDE};
	const struct pixel_view whole = {.w = SIDE, .h = SIDE};
	const struct pass pass = {.bn = BN_RUNNING};
	struct teacher t = {0};
	struct distill_teacher of = {.teacher = &t};
	struct terms terms = {0};
	double own[2 * K], average[2 * K], sum = 0;
	common.dtype = DTYPE_F32;
	tensor_scope_begin(NO_GRAD);
	CHECK(backbone_init(&t.backbone, "convnet3", &o, 2) == 0);
	Tensor *image = random_tensor(T_F32, 4, shape, 1),
	       *smooth = random_tensor(T_F32, 4, shape, 2), *logits[2];
	for (int i = 0; i < 2; i++)
		logits[i] = backbone_logits(
		    &t.backbone, backbone_features(&t.backbone, i ? smooth : image, &pass), &pass);
	CHECK(tensor_read(logits[0], T_F64, own, 2 * K) == 0 &&
	      tensor_read(logits[1], T_F64, average, 2 * K) == 0 &&
	      tensor_read(image, T_F64, x, SIDES) == 0 &&
	      tensor_read(smooth, T_F64, was, SIDES) == 0);
	const struct step_pass p = {.teacher = &of,
	    .indices = 1,
	    .x = image,
	    .views = tensor_views(&whole, 1, SIDE, SIDE),
	    .size = {SIDE, SIDE},
	    .p_bb = logits[0],
	    .smooth = smooth};
	const struct method m = {.flatness = 0.7};
	double got = tensor_item(flatness_term(&m, &p, &terms));
	for (int i = 0; i < 2; i++) {
		double q[K], s[K];
		soft(q, own + i * K);
		soft(s, average + i * K);
		for (int k = 0; k < K; k++)
			sum += s[k] * log(s[k] / q[k]);
	}
	CHECK(sum > 1e-4);
	CHECK_NEAR(got, 0.7 / (2 * K) * sum, 1e-6 + 1e-4 * sum);
	CHECK(tensor_read(smooth, T_F64, now, SIDES) == 0);
	for (int i = 0; i < SIDES; i++)
		CHECK_NEAR(now[i], 0.99 * was[i] + 0.01 * x[i], 1e-6);
	CHECK_STR(tensor_error(), NULL);
	backbone_free(&t.backbone);
	tensor_scope_end();
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(distances);
	RUN(patches);
	RUN(averages);
	RUN(flat_places);
	return check_done();
}
