/* Images that are larger than they are seen, against weights written out. */
#include "lib/fd2/distill/step-view.h"

#include "lib/fd2/distill/methods.h"
#include "lib/torch/pixels.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

enum { SIDE_MAX = 24, SIZE = 8, PLANES = 2 * 3 };

/* weight[o][p] of pixel p of a row of `side` in pixel o that is seen, of SIZE: the mean of its
 * samples, each between two neighbours, of the box of `length` from `start`. */
static void weights(
    double weight[SIZE][SIDE_MAX], int side, int start, int length, bool flip, int roll)
{
	int k = (side + SIZE - 1) / SIZE, n = k * SIZE;
	memset(weight, 0, SIZE * sizeof *weight);
	for (int i = 0; i < n; i++) {
		double at = (i + 0.5) * length / n - 0.5;
		if (at < 0)
			at = 0;
		int low = (int)at, high = low + 1 < length ? low + 1 : low;
		int o = ((flip ? n - 1 - i : i) + roll) % n / k;
		weight[o][start + low] += (1 - (at - low)) / k;
		weight[o][start + high] += (at - low) / k;
	}
}

static void check_view(int side, const struct pixel_view *v)
{
	static double x[PLANES * SIDE_MAX * SIDE_MAX], y[PLANES * SIZE * SIZE],
	    dx[PLANES * SIDE_MAX * SIDE_MAX], dy[PLANES * SIZE * SIZE];
	double rows[SIZE][SIDE_MAX], columns[SIZE][SIDE_MAX];
	const struct view_size size = {side, SIZE};
	weights(rows, side, v->y, v->h, false, v->roll_y);
	weights(columns, side, v->x, v->w, v->flip, v->roll_x);
	tensor_scope_begin(GRAD);
	Tensor *tx = random_tensor(T_F32, 4, (int64_t[]){2, 3, side, side}, 1), *d,
	       *tdy = random_tensor(T_F32, 4, (int64_t[]){2, 3, SIZE, SIZE}, 2);
	tensor_requires_grad_(tx, true);
	Tensor *ty = step_view(tx, tensor_views(v, 1, side, side), &size, T_F32);
	CHECK(tensor_grad(tensor_sum(tensor_mul(ty, tdy), 0, NULL, false), &tx, 1, &d, false) == 0);
	CHECK(tensor_read(tx, T_F64, x, PLANES * side * side) == 0 &&
	      tensor_read(d, T_F64, dx, PLANES * side * side) == 0 &&
	      tensor_read(ty, T_F64, y, PLANES * SIZE * SIZE) == 0 &&
	      tensor_read(tdy, T_F64, dy, PLANES * SIZE * SIZE) == 0);
	for (int i = 0; i < PLANES * SIZE * SIZE; i++) {
		const double *plane = x + i / (SIZE * SIZE) * side * side;
		double want = 0;
		for (int p = 0; p < side * side; p++)
			want += rows[i / SIZE % SIZE][p / side] * columns[i % SIZE][p % side] *
			        plane[p];
		CHECK_NEAR(y[i], want, 1e-5);
	}
	for (int i = 0; i < PLANES * side * side; i++) {
		const double *plane = dy + i / (side * side) * SIZE * SIZE;
		double want = 0;
		for (int p = 0; p < SIZE * SIZE; p++)
			want += rows[p / SIZE][i / side % side] * columns[p % SIZE][i % side] *
			        plane[p];
		CHECK_NEAR(dx[i], want, 1e-5);
	}
	tensor_scope_end();
}

static void larger_images_are_averaged(void)
{
	static const int sides[] = {SIZE, 11, 12, 16, SIDE_MAX, 6};
	for (int i = 0; i < 6; i++) {
		const struct view_size size = {sides[i], SIZE};
		const struct view_rule rule = {.min_scale = 0.08, .roll = 32, .seed = 3};
		check_view(sides[i], &(struct pixel_view){.w = sides[i], .h = sides[i]});
		for (long step = 0; step < 10; step++) {
			struct pixel_view v = step_view_random(&rule, &size, 4, 1, step);
			CHECK(v.x + v.w <= sides[i] && v.y + v.h <= sides[i]);
			check_view(sides[i], &v);
		}
	}
}

/* Every pixel of the box has a share in what is seen. */
static void no_pixel_is_left_out(void)
{
	for (int side = SIZE; side <= SIDE_MAX; side++)
		for (int length = 1; length <= side; length++) {
			double weight[SIZE][SIDE_MAX];
			weights(weight, side, side - length, length, false, 0);
			for (int p = side - length; p < side; p++) {
				double sum = 0;
				for (int o = 0; o < SIZE; o++)
					sum += weight[o][p];
				CHECK(sum > 0.2 / side);
			}
		}
}

/* Twice the size: squares of two by two. */
static void twice_is_a_mean_of_four(void)
{
	float x[3 * 4 * SIZE * SIZE], y[3 * SIZE * SIZE];
	const struct view_size size = {2 * SIZE, SIZE};
	tensor_scope_begin(NO_GRAD);
	Tensor *tx = random_tensor(T_F32, 4, (int64_t[]){1, 3, 2 * SIZE, 2 * SIZE}, 1);
	const struct pixel_view whole = {.w = 2 * SIZE, .h = 2 * SIZE};
	Tensor *ty = step_view(tx, tensor_views(&whole, 1, 2 * SIZE, 2 * SIZE), &size, T_F32);
	CHECK(tensor_read(tx, T_F32, x, tensor_numel(tx)) == 0 &&
	      tensor_read(ty, T_F32, y, tensor_numel(ty)) == 0);
	for (int i = 0; i < 3 * SIZE * SIZE; i++) {
		const float *at = x + i / SIZE * 4 * SIZE + i % SIZE * 2;
		CHECK_NEAR(y[i], (at[0] + at[1] + at[2 * SIZE] + at[2 * SIZE + 1]) / 4, 1e-6);
	}
	tensor_scope_end();
}

/* The images' side in a phase has the share of theirs that the phase has of the teacher's. */
static void sizes_scale(void)
{
	struct method_config config = {.method = METHOD_fadrm,
	    .start = START_UNSET,
	    .steps = OPT_UNSET,
	    .lr = NAN,
	    .r_bn = NAN,
	    .roll = OPT_UNSET,
	    .residual = NAN,
	    .flatness = NAN,
	    .crops = {NAN, CURRICULUM_UNSET, NAN},
	    .match = {CLASSES_UNSET, NAN, LAYERS_UNSET, NAN},
	    .image_size = OPT_UNSET};
	struct method m;
	CHECK(method_configure(&m, &config, 1, 224) == 0);
	CHECK(m.seen_sizes[0] == 200 && m.image_sizes[0] == 200 && m.image_sizes[1] == 224);
	CHECK(m.stored_size == 224);
	config.image_size = 448;
	CHECK(method_configure(&m, &config, 1, 224) == 0);
	CHECK(m.seen_sizes[0] == 200 && m.image_sizes[0] == 400 && m.image_sizes[1] == 448);
	config.image_size = 168;
	config.sizes = (struct opt_ints){{101, 112}, 2};
	CHECK(method_configure(&m, &config, 1, 112) == 0);
	CHECK(m.phases == 2 && m.seen_sizes[0] == 101 && m.image_sizes[0] == 152);
	CHECK(m.seen_sizes[1] == 112 && m.image_sizes[1] == 168 && m.stored_size == 168);
}

/* CDA's schedules, written out: what is left of the way from 1 to 0.2 after step s of 8, of which
 * the first six take it. */
static void crops_get_smaller(void)
{
	static const enum curriculum kinds[] = {
	    CURRICULUM_NONE, CURRICULUM_STEP, CURRICULUM_LINEAR, CURRICULUM_COSINE};
	for (int k = 0; k < 4; k++)
		for (int s = 0; s < 8; s++) {
			const struct crop_curriculum c = {0.2, kinds[k], 0.75};
			double left[] = {0, 1, 1 - s / 6.0, 0.5 + 0.5 * cos(M_PI * s / 6)};
			double want = s < 6 ? 0.2 + 0.8 * left[k] : 0.2;
			CHECK_NEAR(crop_curriculum_at(&c, s, 8), want, 1e-12);
		}
	/* without a milestone the crops are small from the first step on */
	const struct crop_curriculum none = {0.2, CURRICULUM_STEP, 0};
	CHECK(crop_curriculum_at(&none, 0, 8) == 0.2);
	CHECK(crop_curriculum_at(&(struct crop_curriculum){0.2, CURRICULUM_COSINE, 1}, 0, 8) == 1);
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(larger_images_are_averaged);
	RUN(no_pixel_is_left_out);
	RUN(twice_is_a_mean_of_four);
	RUN(sizes_scale);
	RUN(crops_get_smaller);
	return check_done();
}
