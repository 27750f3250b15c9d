/* What fd2-select chooses, against its definitions written out: one image at a time, one
 * comparison at a time. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/base/stop.h"
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/select/coreset.h"
#include "lib/fd2/select/patches.h"
#include "lib/fd2/teacher/features.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

/* In every position each image comes as often; a smaller choice is the beginning of a larger
 * one. */
static void random_is_uniform(void)
{
	enum { N = 7, IPC = 3, TRIALS = 7000 };
	static int count[IPC][N];
	for (int trial = 0; trial < TRIALS; trial++) {
		uint32_t v[IPC], one;
		coreset_random(v, IPC, N, (uint64_t)trial / 7, trial % 7);
		coreset_random(&one, 1, N, (uint64_t)trial / 7, trial % 7);
		CHECK(one == v[0] && v[0] != v[1] && v[1] != v[2] && v[0] != v[2]);
		for (int i = 0; i < IPC; i++)
			count[i][v[i]]++;
	}
	double sd = sqrt(TRIALS * (1.0 / N) * (1 - 1.0 / N));
	for (int i = 0; i < IPC; i++)
		for (int j = 0; j < N; j++)
			CHECK_NEAR(count[i][j], TRIALS / N, 4.5 * sd);
}

enum { N = 30, C = 6, IPC = 9 };

static void draw_features(float *f, uint32_t what)
{
	struct rng r = rng_at(1, RNG_TEST, what, 0, 0);
	for (int i = 0; i < N * C; i++)
		f[i] = (float)fmax(0, rng_normal(&r));
}

static bool among(const uint32_t *v, int n, uint32_t i)
{
	for (int j = 0; j < n; j++)
		if (v[j] == i)
			return true;
	return false;
}

static double mean_at(const float *f, int c)
{
	double sum = 0;
	for (int i = 0; i < N; i++)
		sum += f[i * C + c];
	return sum / N;
}

/* |(n+1) mu - sum of the n chosen - f_i| */
static double herding_objective(const float *f, const uint32_t *v, int n, uint32_t i)
{
	double norm = 0;
	for (int c = 0; c < C; c++) {
		double x = (n + 1) * mean_at(f, c) - f[i * C + (uint32_t)c];
		for (int j = 0; j < n; j++)
			x -= f[v[j] * C + (uint32_t)c];
		norm += x * x;
	}
	return sqrt(norm);
}

static double gap(const float *f, const uint32_t *v, int n, uint32_t i)
{
	double least = INFINITY;
	for (int j = 0; j < n; j++) {
		double d = 0;
		for (int c = 0; c < C; c++)
			d += pow((double)f[v[j] * C + (uint32_t)c] - f[i * C + (uint32_t)c], 2);
		least = fmin(least, sqrt(d));
	}
	return least;
}

static void herding_matches_the_mean(void)
{
	float f[N * C];
	uint32_t v[IPC];
	for (uint32_t what = 0; what < 5; what++) {
		draw_features(f, what);
		coreset_herding(v, IPC, f, N, C);
		for (int n = 0; n < IPC; n++)
			for (uint32_t i = 0; i < N; i++)
				CHECK(among(v, n, i) || herding_objective(f, v, n, v[n]) <=
				                            herding_objective(f, v, n, i) + 1e-12);
		for (int n = 0; n < IPC; n++)
			CHECK(!among(v, n, v[n]));
	}
}

static void k_center_takes_the_farthest(void)
{
	float f[N * C];
	uint32_t v[IPC];
	for (uint32_t what = 0; what < 5; what++) {
		draw_features(f, what);
		coreset_k_center(v, IPC, f, N, C);
		for (uint32_t i = 0; i < N; i++)
			CHECK(herding_objective(f, v, 0, v[0]) <=
			      herding_objective(f, v, 0, i) + 1e-12);
		for (int n = 1; n < IPC; n++)
			for (uint32_t i = 0; i < N; i++)
				CHECK(gap(f, v, n, v[n]) >= gap(f, v, n, i) - 1e-12);
	}
}

/* Where nothing tells images apart they are taken in order, each once, to the last. */
static void equals_in_order(void)
{
	float f[N * C] = {0};
	uint32_t herding[N], centers[N];
	coreset_herding(herding, N, f, N, C);
	coreset_k_center(centers, N, f, N, C);
	for (uint32_t i = 0; i < N; i++)
		CHECK(herding[i] == i && centers[i] == i);
}

enum { PHOTOS = 7, CROPS = 3, S = 32, SEED = 4 };

static struct image photograph(uint32_t what)
{
	struct rng r = rng_at(2, RNG_TEST, what, 0, 0);
	struct image im = image_new(40 + (int)rng_below(&r, 30), 40 + (int)rng_below(&r, 30));
	double a = rng_uniform(&r), b = rng_uniform(&r);
	for (int i = 0; i < im.w * im.h; i++)
		for (int c = 0; c < 3; c++)
			im.rgb[3 * i + c] =
			    (uint8_t)(127 * (1 + sin(a * (i % im.w) + b * c * (i / im.w))));
	return im;
}

/* Two classes in turn. */
static struct dataset photographs(void)
{
	struct dataset d = {.n = 2 * PHOTOS, .v = xcalloc(2 * PHOTOS, sizeof *d.v)};
	for (int i = 0; i < d.n; i++)
		d.v[i] = (struct item){
		    .key = xasprintf("%d", i), .label = i % 2, .image = photograph((uint32_t)i)};
	return d;
}

static int start_teacher(struct teacher *t)
{
	*t = (struct teacher){.classes = 2,
	    .size = S,
	    .last_stride = 2,
	    .normal = {{0.4, 0.5, 0.6}, {0.2, 0.3, 0.25}}};
	t->class_names = xcalloc(2, sizeof *t->class_names);
	t->class_names[0] = xstrdup("a");
	t->class_names[1] = xstrdup("b");
	return teacher_init(t, "convnet3", 2, 1);
}

/* -log p_bb[k] of a crop of side pixels amid zeros, by itself. */
static double loss_of(
    const struct teacher *t, const struct image *im, struct box b, int side, int k)
{
	static float x[3 * S * S];
	float logits[2];
	struct image crop;
	struct pass pass = {.bn = BN_RUNNING};
	memset(x, 0, sizeof x);
	image_resample(&crop, im, b.x, b.y, b.w, b.h, side, side, true);
	for (int c = 0; c < 3; c++)
		for (int i = 0; i < side * side; i++)
			x[(c * S + (S - side) / 2 + i / side) * S + (S - side) / 2 + i % side] =
			    (float)((crop.rgb[3 * i + c] / 255.0 - t->normal.mean[c]) /
			            t->normal.std[c]);
	image_free(&crop);
	tensor_scope_begin(NO_GRAD);
	Tensor *F = backbone_features(
	    &t->backbone, tensor_from(x, T_F32, 4, (int64_t[]){1, 3, S, S}), &pass);
	CHECK(!tensor_read(backbone_logits(&t->backbone, F, &pass), T_F32, logits, 2));
	tensor_scope_end();
	return log(exp(logits[0]) + exp(logits[1])) - logits[k];
}

struct crop {
	struct patch patch;
	bool taken;
};

/* The best crop that is left, of images that have given `round` crops. */
static struct crop *best_left(struct crop *v, int images, int round)
{
	struct crop *best = NULL;
	for (int i = 0; i < images; i++) {
		int given = 0;
		for (int c = 0; c < CROPS; c++)
			given += v[i * CROPS + c].taken;
		for (int c = 0; c < CROPS && given == round; c++) {
			struct crop *p = &v[i * CROPS + c];
			if (!p->taken && (!best || p->patch.score < best->patch.score))
				best = p;
		}
	}
	return best;
}

static void compare(
    const struct teacher *t, const struct dataset *d, int k, const struct patch_rule *rule)
{
	struct rng r = rng_at(SEED, RNG_PATCH, (uint64_t)k, 0, 0);
	struct crop v[PHOTOS * CROPS] = {0};
	struct patch got[PHOTOS * CROPS];
	uint32_t items[PHOTOS];
	for (int i = 0; i < PHOTOS; i++)
		items[i] = (uint32_t)(2 * i + k);
	rng_shuffle(&r, items, PHOTOS);
	for (int i = 0; i < rule->images * CROPS; i++) {
		const struct image *im = &d->v[items[i / CROPS]].image;
		struct box b = random_resized_crop(&r, im->w, im->h, 0.08, 1, 1, 1);
		v[i].patch = (struct patch){
		    (int)items[i / CROPS], b, loss_of(t, im, b, S / rule->factor, k)};
	}
	CHECK(patches_choose(got, t, d, k, rule, SEED) == 0);
	for (int n = 0; n < patches_in(rule); n++) {
		struct crop *want = best_left(v, rule->images, n / rule->images);
		want->taken = true;
		CHECK_NEAR(got[n].score, want->patch.score, 1e-5);
		CHECK(got[n].item == want->patch.item &&
		      !memcmp(&got[n].box, &want->patch.box, sizeof got[n].box));
	}
}

static void rded_takes_the_lowest(void)
{
	struct teacher t;
	struct dataset d = photographs();
	common.dtype = DTYPE_F32;
	CHECK(start_teacher(&t) == 0);
	for (int k = 0; k < 2; k++) {
		compare(&t, &d, k, &(struct patch_rule){1, 2, PHOTOS, CROPS, DIFFICULTY_EASY});
		compare(&t, &d, k,
		    &(struct patch_rule){
		        3, 2, PHOTOS, CROPS, DIFFICULTY_EASY}); /* more patches than images */
		compare(&t, &d, k, &(struct patch_rule){4, 1, PHOTOS, CROPS, DIFFICULTY_EASY});
		compare(&t, &d, k,
		    &(struct patch_rule){
		        2, 1, 5, CROPS, DIFFICULTY_EASY}); /* only some of the images */
	}
	teacher_free(&t);
	dataset_free(&d);
}

/* Quarter q of mosaic i is patch q * ipc + i; an odd size gives the right and lower ones a pixel
 * more. */
static void mosaics(void)
{
	enum { SIDE = 33, HALF = 16 };
	struct dataset d = photographs();
	struct patch_rule rule = {.ipc = 2, .factor = 2};
	struct patch v[8];
	for (int i = 0; i < 8; i++)
		v[i] = (struct patch){.item = i, .box = {i, 2 * i, 20 + i, 20 + i}};
	for (int i = 0; i < 2; i++) {
		struct image im = patches_mosaic(v, &d, &rule, i, SIDE);
		CHECK(im.w == SIDE && im.h == SIDE);
		for (int p = 0; p < SIDE * SIDE; p++) {
			int x = p % SIDE, y = p / SIDE, q = 2 * (y >= HALF) + (x >= HALF);
			const struct patch *from = &v[2 * q + i];
			struct image crop;
			image_resample(&crop, &d.v[from->item].image, from->box.x, from->box.y,
			    from->box.w, from->box.h, HALF + 1, HALF + 1, true);
			CHECK(!memcmp(im.rgb + 3 * p,
			    crop.rgb + 3 * ((y - q / 2 * HALF) * (HALF + 1) + x - q % 2 * HALF),
			    3));
			image_free(&crop);
		}
		image_free(&im);
	}
	dataset_free(&d);
}

/* Every patch of a mosaic is a square of the photograph, pixel by pixel; where the photograph is
 * smaller, as large a one as there is. */
static void tiles_keep_their_scale(void)
{
	enum { SIDE = 33, HALF = 16 };
	struct teacher t;
	struct dataset d = photographs();
	struct patch_rule rule = {
	    .ipc = 3, .factor = 2, .images = PHOTOS, .crops = CROPS, .side = patches_side(SIDE, 2)};
	struct patch v[12];
	common.dtype = DTYPE_F32;
	CHECK(start_teacher(&t) == 0);
	CHECK(patches_choose(v, &t, &d, 1, &rule, SEED) == 0);
	for (int i = 0; i < rule.ipc; i++) {
		struct image im = patches_mosaic(v, &d, &rule, i, SIDE);
		for (int p = 0; p < SIDE * SIDE; p++) {
			int x = p % SIDE, y = p / SIDE, q = 2 * (y >= HALF) + (x >= HALF);
			const struct patch *from = &v[rule.ipc * q + i];
			const struct image *whole = &d.v[from->item].image;
			int from_x = from->box.x + x - q % 2 * HALF,
			    from_y = from->box.y + y - q / 2 * HALF;
			CHECK(from->box.w == HALF + 1 && from->box.h == HALF + 1);
			CHECK(from_x < whole->w && from_y < whole->h);
			CHECK(!memcmp(
			    im.rgb + 3 * p, whole->rgb + 3 * (from_y * whole->w + from_x), 3));
		}
		image_free(&im);
	}
	rule.side = 1000;
	CHECK(patches_choose(v, &t, &d, 1, &rule, SEED) == 0);
	for (int i = 0; i < 12; i++) {
		const struct image *whole = &d.v[v[i].item].image;
		CHECK(v[i].box.w == (whole->w < whole->h ? whole->w : whole->h));
	}
	teacher_free(&t);
	dataset_free(&d);
}

static void the_most_confident_come_first(void)
{
	struct teacher t;
	struct dataset d = photographs();
	float logp[2 * PHOTOS];
	uint32_t v[2 * PHOTOS], equal[3];
	common.dtype = DTYPE_F32;
	CHECK(start_teacher(&t) == 0);
	for (int k = 0; k < 2; k++) {
		CHECK(confidences_of(logp, &t, d.v, d.n, k) == 0);
		for (int i = 0; i < d.n; i++) {
			const struct image *im = &d.v[i].image;
			struct box centre = view_center(im, S).box;
			CHECK_NEAR(logp[i], -loss_of(&t, im, centre, S, k), 1e-5);
		}
		coreset_largest(v, d.n, logp, d.n);
		for (int i = 0; i < d.n; i++)
			CHECK(!among(v, i, v[i]) && (!i || logp[v[i]] <= logp[v[i - 1]]));
	}
	coreset_largest(equal, 3, (float[]){2, 5, 5}, 3);
	CHECK(equal[0] == 1 && equal[1] == 2 && equal[2] == 0);
	teacher_free(&t);
	dataset_free(&d);
}

/* Each class is a while's work. The last test: the process stays stopped. */
static void a_signal_ends_the_choice(void)
{
	const struct initial_config config = {.crops = CROPS};
	const struct start *of[] = {&start_mosaic, &start_herding};
	struct teacher t;
	CHECK(start_teacher(&t) == 0);
	struct initial s = {.config = &config, .teacher = &t, .size = S, .ipc = 1, .last = 1};
	s.images = photographs();
	s.counts = xcalloc(2, sizeof *s.counts);
	s.counts[0] = s.counts[1] = PHOTOS;
	stop_watch();
	stop_defer();
	raise(SIGTERM);
	for (int i = 0; i < 2; i++) {
		initial_share(&s, 1, of[i], of[i]);
		CHECK(initial_prepare(&s, 0, 2) == 0);
		const struct start_use *u = &s.use[0];
		CHECK(i ? u->photographs && !u->photographs[1] : u->patches && !u->patches[1]);
		free(u->patches ? (void *)u->patches : u->photographs);
	}
	initial_share(&s, 1, of[0], of[0]);
	initial_free(&s);
	teacher_free(&t);
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(random_is_uniform);
	RUN(herding_matches_the_mean);
	RUN(k_center_takes_the_farthest);
	RUN(equals_in_order);
	RUN(rded_takes_the_lowest);
	RUN(mosaics);
	RUN(tiles_keep_their_scale);
	RUN(the_most_confident_come_first);
	RUN(a_signal_ends_the_choice);
	return check_done();
}
