/* Matching of trajectories: the gradient of a student's end by images, labels and step size against
 * central differences in f64. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd2/match/matchings.h"
#include "lib/fd2/match/unroll.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

enum { SIDE = 16, CLASSES = 3, IPC = 2, IMAGES = CLASSES * IPC, STEPS = 3 };
enum { PIXELS = 3 * SIDE * SIDE };

/* All that is learned: pixels, logits and the step size, one after the other. */
enum { VALUES = IMAGES * PIXELS + IMAGES * CLASSES + 1 };

struct student {
	struct backbone net;
	struct optim weights;
	Tensor *start[16], *goal[16];
	unsigned augment;
	int batch, part;
};

static void student_begin(struct student *s, enum scalar type)
{
	const struct arch_options o = {.classes = CLASSES, .size = SIDE, .last_stride = 2};
	*s = (struct student){.weights = {.kind = OPTIM_SGD}, .batch = 4, .part = 3};
	CHECK(!backbone_init(&s->net, "convnet3", &o, 4));
	params_convert(&s->net.params, type);
	optim_init(&s->weights, &s->net.params);
	for (int i = 0; i < s->weights.n; i++) {
		const Tensor *w = s->weights.param[i];
		int64_t shape[] = {tensor_numel(w)};
		Tensor *noise = random_tensor(type, 1, shape, 50 + (uint32_t)i);
		int64_t full[4];
		for (int k = 0; k < tensor_rank(w); k++)
			full[k] = tensor_size(w, k);
		s->start[i] = tensor_clone(tensor_detach(w));
		s->goal[i] = tensor_add(tensor_detach(w),
		    tensor_affine(tensor_reshape(noise, tensor_rank(w), full), 0.01, 0));
	}
}

static void student_end(struct student *s)
{
	optim_free(&s->weights);
	backbone_free(&s->net);
}

/* Tensors of one kind: per class rows of `row` values. */
static void fill(
    struct moved *m, int n, int rank, const int64_t *shape, const double *v, enum scalar type)
{
	int64_t row = 1;
	for (int i = 0; i < rank; i++)
		row *= shape[i];
	m->params.v = calloc((size_t)n, sizeof *m->params.v);
	for (int i = 0; i < n; i++)
		m->params.v[m->params.n++] = (struct param){key(&m->params, "%d", i),
		    tensor_keep_always(tensor_clone(
		        tensor_to(tensor_from(v + i * row, T_F64, rank, shape), type))),
		    true};
	m->optim = (struct optim){.kind = OPTIM_SGD};
	optim_init(&m->optim, &m->params);
}

static struct learned learned_from(const double *v, enum scalar type)
{
	struct learned l = {.n = CLASSES, .ipc = IPC, .size = SIDE};
	fill(&l.kinds[LEARNED_IMAGES], CLASSES, 4, (int64_t[]){IPC, 3, SIDE, SIDE}, v, type);
	v += IMAGES * PIXELS;
	fill(&l.kinds[LEARNED_LABELS], CLASSES, 2, (int64_t[]){IPC, CLASSES}, v, type);
	v += IMAGES * CLASSES;
	fill(&l.kinds[LEARNED_STEP], 1, 1, (int64_t[]){1}, v, type);
	return l;
}

/* |theta_S - goal|^2 after the steps, and its gradient unless g is NULL. */
static double end_of(struct student *s, const double *v, enum scalar type, double *g)
{
	struct learned l = learned_from(v, type);
	struct unroll u = {.net = &s->net,
	    .weights = &s->weights,
	    .learned = &l,
	    .steps = STEPS,
	    .batch = s->batch,
	    .part = s->part,
	    .augment = s->augment,
	    .seed = 7,
	    .iteration = 3};
	Tensor *lambda[16];
	double loss = 0;
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < s->weights.n; i++)
		tensor_copy_(s->weights.param[i], s->start[i]);
	CHECK(!unroll_forward(&u));
	for (int i = 0; i < s->weights.n; i++) {
		Tensor *off = tensor_sub(s->weights.param[i], s->goal[i]);
		loss += tensor_item(tensor_sum(tensor_mul(off, off), 0, NULL, false));
		lambda[i] = tensor_affine(off, 2, 0);
	}
	if (g) {
		learned_clear_gradients(&l);
		CHECK(!unroll_backward(&u, lambda));
		CHECK(learned_gradients_finite(&l));
		for (int kind = 0; kind < LEARNED_KINDS; kind++)
			for (int i = 0; i < l.kinds[kind].optim.n; i++) {
				const Tensor *d = l.kinds[kind].optim.grad[i];
				CHECK(!tensor_read(d, T_F64, g, tensor_numel(d)));
				g += tensor_numel(d);
			}
	}
	tensor_scope_end();
	unroll_free(&u);
	learned_free(&l);
	return loss;
}

static void random_values(double *v)
{
	struct rng r = rng_at(2, RNG_TEST, 9, 0, 0);
	for (int i = 0; i < VALUES; i++)
		v[i] = rng_normal(&r);
	v[VALUES - 1] = 0.05;
}

/* A pixel changes the end less than a label, and that less than the step size, with which a wide
 * difference meets kinks of the ReLUs. */
static double difference(struct student *s, double *v, int i)
{
	const double h = i < IMAGES * PIXELS ? 1e-5 : i < VALUES - 1 ? 1e-7 : 1e-8, was = v[i];
	v[i] = was + h;
	double above = end_of(s, v, T_F64, NULL);
	v[i] = was - h;
	double below = end_of(s, v, T_F64, NULL);
	v[i] = was;
	return (above - below) / (2 * h);
}

/* Values first .. last-1, every `stride`-th, against the largest slope among them. */
static double worst_error(
    struct student *s, double *v, const double *g, int first, int last, int stride)
{
	double worst = 0, scale = 0;
	for (int i = first; i < last; i += stride) {
		worst = fmax(worst, fabs(difference(s, v, i) - g[i]));
		scale = fmax(scale, fabs(g[i]));
	}
	CHECK(scale > 0);
	return worst / scale;
}

static void gradients_are_differences(void)
{
	static double v[VALUES], g[VALUES];
	const int labels = IMAGES * PIXELS, step = VALUES - 1;
	struct student s;
	tensor_scope_begin(NO_GRAD);
	random_values(v);
	student_begin(&s, T_F64);
	/* no augmentation and each; on a GPU, whose emulation is slow, none and the last */
	for (int kind = -1; kind < SIAMESE_KINDS; kind += torch_on_gpu() ? SIAMESE_KINDS : 1) {
		s.augment = kind < 0 ? 0 : 1u << kind;
		end_of(&s, v, T_F64, g);
		double pixels = worst_error(&s, v, g, 5, labels, 1999),
		       logits = worst_error(&s, v, g, labels, step, 9),
		       rate = worst_error(&s, v, g, step, step + 1, 1);
		CHECK_THAT(
		    pixels < 1e-6, "augmentation %d: images: relative error %g", kind, pixels);
		CHECK_THAT(
		    logits < 1e-6, "augmentation %d: labels: relative error %g", kind, logits);
		CHECK_THAT(
		    rate < 1e-6, "augmentation %d: step size: relative error %g", kind, rate);
	}
	CHECK(!tensor_error());
	student_end(&s);
	tensor_scope_end();
}

/* However many images are in a pass, the gradient is the same; not so for other batches. */
static void parts_add_up(void)
{
	static double v[VALUES], whole[VALUES], parts[VALUES], other[VALUES];
	struct student s;
	double most = 0, off = 0, moved = 0;
	tensor_scope_begin(NO_GRAD);
	random_values(v);
	student_begin(&s, T_F64);
	s.augment = SIAMESE_ALL;
	s.part = 1;
	double loss = end_of(&s, v, T_F64, parts);
	s.part = 99;
	CHECK_NEAR(end_of(&s, v, T_F64, whole), loss, 1e-12 * loss);
	s.batch = IMAGES;
	CHECK(fabs(end_of(&s, v, T_F64, other) - loss) > 1e-6 * loss);
	for (int i = 0; i < VALUES; i++) {
		most = fmax(most, fabs(whole[i]));
		off = fmax(off, fabs(parts[i] - whole[i]));
		moved = fmax(moved, fabs(other[i] - whole[i]));
	}
	CHECK(off < 1e-9 * most);
	CHECK(moved > 1e-3 * most);
	student_end(&s);
	tensor_scope_end();
}

static void single_precision_is_near(void)
{
	static double v[VALUES], exact[VALUES], g[VALUES];
	struct student s;
	double sum = 0, off = 0;
	tensor_scope_begin(NO_GRAD);
	random_values(v);
	student_begin(&s, T_F64);
	end_of(&s, v, T_F64, exact);
	student_end(&s);
	student_begin(&s, T_F32);
	end_of(&s, v, T_F32, g);
	student_end(&s);
	for (int i = 0; i < VALUES; i++) {
		sum += exact[i] * exact[i];
		off += (g[i] - exact[i]) * (g[i] - exact[i]);
	}
	CHECK(sqrt(off / sum) < 0.02);
	tensor_scope_end();
}

/* Two steps on the same gradients: labels have a momentum of 0.9, the step size one of 0.5, and
 * pixels, here without any, stay within what an image can store. */
static void what_is_learned_moves(void)
{
	enum { ROW = 3 * 8 * 8 };
	static const double still[CLASSES * ROW];
	const int64_t one[] = {1, 1, 1, 1}, row[] = {1, CLASSES};
	struct learned l = {.n = CLASSES, .ipc = 1, .size = 8};
	tensor_scope_begin(NO_GRAD);
	Tensor *logits[CLASSES], *flat = tensor_full(2, T_F32, 2, row);
	for (int k = 0; k < CLASSES; k++)
		logits[k] = random_tensor(T_F32, 2, row, 70 + (uint32_t)k);
	l.darkest = tensor_keep_always(tensor_full(-1, T_F32, 4, one));
	l.lightest = tensor_keep_always(tensor_full(0.5, T_F32, 4, one));
	fill(&l.kinds[LEARNED_IMAGES], CLASSES, 4, (int64_t[]){1, 3, 8, 8}, still, T_F32);
	learned_add_labels(&l, logits, 0.05);
	for (int step = 0; step < 2; step++) {
		learned_clear_gradients(&l);
		for (uint32_t k = 0; k < CLASSES; k++) {
			Tensor *g = tensor_full(k == 1 ? -1 : 1, T_F32, 4, (int64_t[]){1, 3, 8, 8});
			learned_add_gradient(&l, LEARNED_IMAGES, &k, 1, g, 1);
			learned_add_gradient(&l, LEARNED_LABELS, &k, 1, flat, k);
		}
		learned_add_to_step_gradient(&l, 3);
		learned_step(&l, LEARNED_IMAGES, 0.4 + step);
		learned_step(&l, LEARNED_LABELS, 0.1);
		learned_step(&l, LEARNED_STEP, 0.001);
		for (int k = 0; k < CLASSES; k++) {
			double want = k == 1 ? (step ? 0.5 : 0.4) : (step ? -1 : -0.4), x[ROW];
			CHECK(!tensor_read(learned_of(&l, LEARNED_IMAGES, k), T_F64, x, ROW));
			for (int i = 0; i < ROW; i++)
				CHECK_NEAR(x[i], want, 1e-6);
		}
	}
	for (int k = 0; k < CLASSES; k++) {
		double was[CLASSES], y[CLASSES];
		CHECK(!tensor_read(logits[k], T_F64, was, CLASSES) &&
		      !tensor_read(learned_of(&l, LEARNED_LABELS, k), T_F64, y, CLASSES));
		for (int i = 0; i < CLASSES; i++)
			CHECK_NEAR(y[i], was[i] - 0.1 * 2 * k * (1 + 1.9), 1e-5);
	}
	CHECK_NEAR(learned_step_size(&l), 0.05 - 0.001 * 3 * (1 + 1.5), 1e-6);
	CHECK_STR(tensor_error(), NULL);
	learned_free(&l);
	tensor_scope_end();
}

static void settings_follow_the_images_per_class(void)
{
	const struct trajectory_config unset = {
	    .steps = OPT_UNSET, .first = OPT_UNSET, .upper = OPT_UNSET, .last = OPT_UNSET};
	static const long ipc[] = {1, 10, 50},
	                  want[][4] = {{40, 0, 15, 20}, {40, 10, 50, 50}, {20, 40, 70, 70}};
	struct trajectory_config t, given = unset;
	for (int i = 0; i < 3; i++) {
		CHECK(!trajectory_configure(&t, &unset, ipc[i]));
		CHECK(t.steps == want[i][0] && t.first == want[i][1] && t.upper == want[i][2] &&
		      t.last == want[i][3]);
	}
	given.last = 5;
	CHECK(!trajectory_configure(&t, &given, 10));
	CHECK(t.first == 4 && t.upper == 5 && t.last == 5);
	given.upper = 6;
	CHECK(trajectory_configure(&t, &given, 1) < 0);
	given = unset;
	given.first = 15;
	CHECK(trajectory_configure(&t, &given, 1) < 0);
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(gradients_are_differences);
	RUN(parts_add_up);
	RUN(single_precision_is_near);
	RUN(what_is_learned_moves);
	RUN(settings_follow_the_images_per_class);
	return check_done();
}
