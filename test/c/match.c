/* Matching: the augmentation against its definition, and the losses' gradients by images against
 * central differences in f64. */
#include <math.h>
#include <stdlib.h>

#include "lib/fd2/match/matchings.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

enum { N = 2, S = 12, PIXELS = 3 * S * S };
enum { COMPARING = MATCHING_dsa + 1 }; /* methods that compare class by class */

static struct siamese draw(enum siamese_kind kind, uint32_t what)
{
	struct rng r = rng_at(3, RNG_TEST, what, 0, 0);
	return siamese_draw(&r, 1u << kind, S);
}

/* Of one image, zero outside. */
static double at(const double *x, int c, int i, int j)
{
	return i < 0 || j < 0 || i >= S || j >= S ? 0 : x[(c * S + i) * S + j];
}

/* Bilinear between the four pixels around (row, column). */
static double between(const double *x, int c, double i, double j)
{
	int i0 = (int)floor(i), j0 = (int)floor(j);
	double a = i - i0, b = j - j0;
	return (1 - a) * ((1 - b) * at(x, c, i0, j0) + b * at(x, c, i0, j0 + 1)) +
	       a * ((1 - b) * at(x, c, i0 + 1, j0) + b * at(x, c, i0 + 1, j0 + 1));
}

static double mean_of(const double *x, int first, int n, int step)
{
	double sum = 0;
	for (int k = 0; k < n; k++)
		sum += x[first + k * step];
	return sum / n;
}

/* Brightness, then saturation about each pixel's mean over colours, then contrast about the
 * image's. */
static void recolour(double *out, const double *x, const struct siamese *s)
{
	for (int k = 0; k < PIXELS; k++)
		out[k] = x[k] + (s->brightness - 0.5);
	for (int p = 0; p < S * S; p++) {
		double mean = mean_of(out, p, 3, S * S);
		for (int c = 0; c < 3; c++)
			out[c * S * S + p] = (out[c * S * S + p] - mean) * 2 * s->saturation + mean;
	}
	double mean = mean_of(out, 0, PIXELS, 1);
	for (int k = 0; k < PIXELS; k++)
		out[k] = (out[k] - mean) * (s->contrast + 0.5) + mean;
}

static double moved(const double *x, const struct siamese *s, int c, int i, int j)
{
	const double *t = s->theta;
	double u = (2.0 * j + 1) / S - 1, v = (2.0 * i + 1) / S - 1,
	       column = ((t[0] * u + t[1] * v + 1) * S - 1) / 2,
	       row = ((t[2] * u + t[3] * v + 1) * S - 1) / 2;
	bool cut = abs(2 * i + 1 - 2 * s->y) < S / 2 && abs(2 * j + 1 - 2 * s->x) < S / 2;
	switch (s->kind) {
	case SIAMESE_CROP:
		return at(x, c, i + s->down, j + s->right);
	case SIAMESE_CUTOUT:
		return cut ? 0 : at(x, c, i, j);
	case SIAMESE_FLIP:
		return at(x, c, i, s->flip ? S - 1 - j : j);
	default:
		return between(x, c, row, column);
	}
}

static void define(double *out, const double *x, const struct siamese *s)
{
	if (s->kind == SIAMESE_COLOR) {
		recolour(out, x, s);
		return;
	}
	for (int k = 0; k < PIXELS; k++)
		out[k] = moved(x, s, k / (S * S), k / S % S, k % S);
}

static void augmentation_is_its_definition(void)
{
	static double x[N * PIXELS], got[N * PIXELS], want[N * PIXELS];
	for (uint32_t k = 0; k < 20 * SIAMESE_KINDS; k++) {
		struct siamese s = draw((enum siamese_kind)(k % SIAMESE_KINDS), k);
		tensor_scope_begin(NO_GRAD);
		Tensor *t = random_tensor(T_F64, 4, (int64_t[]){N, 3, S, S}, k);
		tensor_read(t, T_F64, x, N * PIXELS);
		CHECK(!tensor_read(siamese_apply(&s, t), T_F64, got, N * PIXELS));
		for (int i = 0; i < N; i++)
			define(want + i * PIXELS, x + i * PIXELS, &s);
		for (int i = 0; i < N * PIXELS; i++)
			CHECK_NEAR(got[i], want[i], 1e-12);
		tensor_scope_end();
	}
}

struct range {
	double lo, hi;
};

static void widen(struct range *r, double x)
{
	r->lo = fmin(r->lo, x);
	r->hi = fmax(r->hi, x);
}

static void widen_both(struct range *r, double x, double y)
{
	widen(r, x);
	widen(r, y);
}

/* Every kind as often as the others, with values over the whole of their ranges. */
static void draws_fill_their_ranges(void)
{
	enum { DRAWS = 6000 };
	int of_kind[SIAMESE_KINDS] = {0}, flips = 0;
	struct range shift = {9, -9}, centre = {99, -99}, scale = {9, -9}, sine = {9, -9},
	             bright = {9, -9};
	struct rng r = rng_at(1, RNG_TEST, 0, 0, 0);
	for (int i = 0; i < DRAWS; i++) {
		struct siamese s = siamese_draw(&r, SIAMESE_ALL, S);
		of_kind[s.kind]++;
		if (s.kind == SIAMESE_COLOR)
			widen(&bright, s.brightness);
		if (s.kind == SIAMESE_CROP)
			widen_both(&shift, s.down, s.right);
		if (s.kind == SIAMESE_CUTOUT)
			widen_both(&centre, s.x, s.y);
		if (s.kind == SIAMESE_SCALE)
			widen_both(&scale, s.theta[0], s.theta[3]);
		if (s.kind == SIAMESE_ROTATE) {
			widen(&sine, s.theta[2]);
			CHECK_NEAR(s.theta[1], -s.theta[2], 0);
		}
		flips += s.kind == SIAMESE_FLIP && s.flip;
	}
	for (int k = 0; k < SIAMESE_KINDS; k++)
		CHECK_NEAR(of_kind[k], DRAWS / SIAMESE_KINDS, 120);
	CHECK_NEAR(flips, of_kind[SIAMESE_FLIP] / 2.0, 60);
	CHECK(shift.lo == -2 && shift.hi == 2); /* int(12 / 8 + 0.5) */
	CHECK(centre.lo == 0 && centre.hi == S);
	CHECK_NEAR(scale.lo, 1 / 1.2, 0.01);
	CHECK_NEAR(scale.hi, 1.2, 0.01);
	CHECK(scale.lo >= 1 / 1.2 && scale.hi <= 1.2);
	CHECK_NEAR(sine.lo, -sin(M_PI / 12), 0.01);
	CHECK_NEAR(sine.hi, sin(M_PI / 12), 0.01);
	CHECK(bright.lo >= 0 && bright.lo < 0.01 && bright.hi < 1 && bright.hi > 0.99);
	struct siamese none = siamese_draw(&r, 0, S);
	Tensor *x = random_tensor(T_F64, 4, (int64_t[]){1, 3, S, S}, 0);
	CHECK(siamese_apply(&none, x) == x);
	for (int i = 0; i < 100; i++) {
		enum siamese_kind kind =
		    siamese_draw(&r, 1u << SIAMESE_CROP | 1u << SIAMESE_FLIP, S).kind;
		CHECK(kind == SIAMESE_CROP || kind == SIAMESE_FLIP);
	}
}

enum { SIDE = 16, PHOTOGRAPHS = 5, IPC = 2, CLASSES = 3 };

/* Photographs of one class, all of them chosen; two in a pass. */
static struct real photographs(struct item *items)
{
	struct real r = {.size = SIDE, .normal = {{0.5, 0.4, 0.3}, {0.2, 0.3, 0.25}}};
	struct rng random = rng_at(5, RNG_TEST, 1, 0, 0);
	r.set.v = items;
	r.set.n = r.n = PHOTOGRAPHS;
	r.chosen = calloc(PHOTOGRAPHS, sizeof *r.chosen);
	for (int i = 0; i < PHOTOGRAPHS; i++) {
		items[i] = (struct item){.image = image_new(SIDE, SIDE)};
		for (int k = 0; k < 3 * SIDE * SIDE; k++)
			items[i].image.rgb[k] = (uint8_t)rng_below(&random, 256);
		r.chosen[i] = (uint32_t)i;
	}
	batch_init(&r.part, 2, SIDE);
	return r;
}

static void forget(struct real *r)
{
	for (int i = 0; i < PHOTOGRAPHS; i++)
		image_free(&r->set.v[i].image);
	free(r->chosen);
	batch_free(&r->part);
}

struct matched {
	const struct matching *method;
	struct class_pass p;
};

static double loss_at(struct matched *m, Tensor *x, Tensor **gradient)
{
	tensor_scope_begin(GRAD);
	m->p.x = siamese_apply(m->p.augment, x);
	Tensor *loss = m->method->loss(&m->p), *g = NULL;
	if (gradient && !tensor_grad(loss, &x, 1, &g, false))
		*gradient = tensor_keep(g);
	double value = tensor_item(loss);
	tensor_scope_end();
	return value;
}

/* Some values of x, one after the other: central differences against the gradient. */
static double worst_error(struct matched *m, const double *x, int n)
{
	const int64_t shape[] = {IPC, 3, SIDE, SIDE};
	const double h = 1e-5;
	double *y = malloc((size_t)n * sizeof *y), *g = malloc((size_t)n * sizeof *g), worst = 0,
	       scale = 0;
	Tensor *t = tensor_from(x, T_F64, 4, shape), *gradient = NULL;
	tensor_requires_grad_(t, true);
	loss_at(m, t, &gradient);
	CHECK(!tensor_read(gradient, T_F64, g, n));
	memcpy(y, x, (size_t)n * sizeof *y);
	for (int i = 7; i < n; i += 193) {
		double both[2];
		for (int side = 0; side < 2; side++) {
			y[i] = x[i] + (side ? h : -h);
			Tensor *moved = tensor_from(y, T_F64, 4, shape);
			tensor_requires_grad_(moved, true);
			both[side] = loss_at(m, moved, NULL);
		}
		y[i] = x[i];
		worst = fmax(worst, fabs((both[1] - both[0]) / (2 * h) - g[i]));
		scale = fmax(scale, fabs(g[i]));
	}
	free(y);
	free(g);
	return worst / scale;
}

static void check_gradients(const struct matching *method)
{
	enum { VALUES = IPC * 3 * SIDE * SIDE };
	static double x[VALUES];
	const struct arch_options o = {.classes = CLASSES, .size = SIDE, .last_stride = 2};
	struct item items[PHOTOGRAPHS];
	struct real real = photographs(items);
	struct backbone net;
	struct optim weights = {.kind = OPTIM_SGD};
	tensor_scope_begin(NO_GRAD);
	CHECK(!backbone_init(&net, "convnet3", &o, 4));
	params_convert(&net.params, T_F64);
	optim_init(&weights, &net.params);
	tensor_read(random_tensor(T_F64, 4, (int64_t[]){IPC, 3, SIDE, SIDE}, 8), T_F64, x, VALUES);
	for (int kind = 0; kind < SIAMESE_KINDS; kind++) {
		struct siamese augment = draw((enum siamese_kind)kind, 31);
		struct matched m = {method, {.net = &net,
		                                .weights = &weights,
		                                .augment = &augment,
		                                .real = &real,
		                                .label = 1}};
		double error = worst_error(&m, x, VALUES);
		CHECK_THAT(error < 1e-6, "%s, augmentation %d: relative error %g", method->name,
		    kind, error);
	}
	CHECK(!tensor_error());
	optim_free(&weights);
	backbone_free(&net);
	forget(&real);
	tensor_scope_end();
}

static void gradients_are_differences(void)
{
	for (int i = 0; i < COMPARING; i++)
		check_gradients(matching_of((enum matching_id)i));
}

/* One pass of all photographs, or of the images, augmented. */
static Tensor *all_of(const struct class_pass *p, bool real)
{
	Tensor *parts[PHOTOGRAPHS];
	int n = 0;
	for (int i = 0; real && i < PHOTOGRAPHS; i += p->real->part.cap)
		parts[n++] = class_photographs(p, i);
	return real ? tensor_cat(parts, n, 0) : (Tensor *)p->x;
}

/* Mean features [d]. */
static int64_t features(const struct class_pass *p, bool real, double *mean)
{
	const struct pass pass = {.bn = BN_BATCH};
	static double f[PHOTOGRAPHS * 128 * 2 * 2];
	Tensor *F = backbone_features(p->net, all_of(p, real), &pass);
	int64_t n = tensor_size(F, 0), d = tensor_numel(F) / n;
	CHECK(!tensor_read(F, T_F64, f, n * d));
	for (int64_t j = 0; j < d; j++)
		mean[j] = mean_of(f, (int)j, (int)n, (int)d);
	return d;
}

static double define_dm(const struct class_pass *p)
{
	static double real[512], learned[512];
	int64_t d = features(p, true, real);
	double sum = 0;
	CHECK(features(p, false, learned) == d && d == 512);
	for (int64_t j = 0; j < d; j++)
		sum += (real[j] - learned[j]) * (real[j] - learned[j]);
	return sum;
}

/* Gradients of the mean of -log p by the weights, in doubles. */
static void slopes(const struct class_pass *p, bool real, double **g)
{
	const struct pass pass = {.bn = BN_BATCH};
	const struct optim *w = p->weights;
	Tensor *d[16], *x = all_of(p, real), *F = backbone_features(p->net, x, &pass),
	               *log_p = tensor_log_softmax(backbone_logits(p->net, F, &pass), 1),
	               *own = tensor_mean(tensor_narrow(log_p, 1, p->label, 1), 0, NULL, false);
	CHECK(!tensor_grad(tensor_affine(own, -1, 0), w->param, w->n, d, false));
	for (int i = 0; i < w->n; i++) {
		g[i] = calloc((size_t)tensor_numel(d[i]), sizeof **g);
		CHECK(!tensor_read(d[i], T_F64, g[i], tensor_numel(d[i])));
	}
}

static double cosine(const double *u, const double *v, int64_t n)
{
	double uv = 0, uu = 0, vv = 0;
	for (int64_t i = 0; i < n; i++) {
		uv += u[i] * v[i];
		uu += u[i] * u[i];
		vv += v[i] * v[i];
	}
	return uv / (sqrt(uu) * sqrt(vv) + 1e-6);
}

static double define_dsa(const struct class_pass *p)
{
	double *real[16], *learned[16], sum = 0;
	slopes(p, true, real);
	slopes(p, false, learned);
	for (int i = 0; i < p->weights->n; i++) {
		const Tensor *w = p->weights->param[i];
		int64_t rows = tensor_size(w, 0), n = tensor_numel(w) / rows;
		for (int64_t row = 0; row < rows && tensor_rank(w) > 1; row++)
			sum += 1 - cosine(real[i] + row * n, learned[i] + row * n, n);
		free(real[i]);
		free(learned[i]);
	}
	return sum;
}

static void losses_are_their_definitions(void)
{
	static double (*const define_loss[])(const struct class_pass *) = {
	    [MATCHING_dm] = define_dm, [MATCHING_dsa] = define_dsa};
	const struct arch_options o = {.classes = CLASSES, .size = SIDE, .last_stride = 2};
	struct item items[PHOTOGRAPHS];
	struct real real = photographs(items);
	struct backbone net;
	struct optim weights = {.kind = OPTIM_SGD};
	struct siamese augment = draw(SIAMESE_CUTOUT, 2);
	tensor_scope_begin(GRAD);
	CHECK(!backbone_init(&net, "convnet3", &o, 6));
	params_convert(&net.params, T_F64);
	optim_init(&weights, &net.params);
	Tensor *x = random_tensor(T_F64, 4, (int64_t[]){IPC, 3, SIDE, SIDE}, 9);
	struct class_pass p = {.net = &net,
	    .weights = &weights,
	    .augment = &augment,
	    .real = &real,
	    .x = siamese_apply(&augment, x),
	    .label = 2};
	for (int i = 0; i < COMPARING; i++) {
		const struct matching *m = matching_of((enum matching_id)i);
		double want = define_loss[i](&p), got = tensor_item(m->loss(&p));
		CHECK_NEAR(got, want, 1e-9 * want);
	}
	optim_free(&weights);
	backbone_free(&net);
	forget(&real);
	tensor_scope_end();
}

/* However many photographs are in a pass, the loss is the same. */
static void parts_add_up(void)
{
	const struct arch_options o = {.classes = CLASSES, .size = SIDE, .last_stride = 2};
	struct item items[PHOTOGRAPHS];
	struct real real = photographs(items);
	struct backbone net;
	struct optim weights = {.kind = OPTIM_SGD};
	struct siamese augment = draw(SIAMESE_COLOR, 2);
	tensor_scope_begin(NO_GRAD);
	CHECK(!backbone_init(&net, "convnet3", &o, 4));
	optim_init(&weights, &net.params);
	Tensor *x = random_tensor(T_F32, 4, (int64_t[]){IPC, 3, SIDE, SIDE}, 8);
	tensor_requires_grad_(x, true);
	for (int i = 0; i < COMPARING; i++) {
		struct matched m = {matching_of((enum matching_id)i),
		    {.net = &net, .weights = &weights, .augment = &augment, .real = &real}};
		double in_parts = loss_at(&m, x, NULL);
		batch_free(&real.part);
		batch_init(&real.part, 8, SIDE);
		double whole = loss_at(&m, x, NULL);
		CHECK(whole > 0);
		CHECK_NEAR(in_parts, whole, 1e-5 * whole);
		batch_free(&real.part);
		batch_init(&real.part, 2, SIDE);
	}
	optim_free(&weights);
	backbone_free(&net);
	forget(&real);
	tensor_scope_end();
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(augmentation_is_its_definition);
	RUN(draws_fill_their_ranges);
	RUN(gradients_are_differences);
	RUN(losses_are_their_definitions);
	RUN(parts_add_up);
	return check_done();
}
