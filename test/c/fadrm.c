/* The phases of an image and FADRM's residual connection against scalars. */
#include "lib/fd2/distill/methods.h"
#include "lib/fd2/distill/phases.h"

#include "test/c/check.h"
#include "test/c/tensors.h"

enum { IMAGES = 2, S = 9, SIDE_MAX = 14 };

/* Every phase by a walk over all steps: in order, none skipped that could have steps, lengths at
 * most one apart. */
static void phases_share_the_steps(void)
{
	for (int phases = 1; phases <= 5; phases++)
		for (long steps = 1; steps <= 23; steps++) {
			long length[5] = {0};
			int before = 0;
			for (long step = 0; step < steps; step++) {
				int phase = phase_at(step, steps, phases);
				CHECK(phase >= before && phase < phases);
				before = phase;
				length[phase]++;
			}
			for (int p = 0; p < phases; p++)
				CHECK(
				    length[p] == steps / phases || length[p] == steps / phases + 1);
		}
	for (long step = 0; step < 2000; step++)
		CHECK(phase_at(step, 2000, 4) == step / 500);
}

/* Bilinear, pixel centres at half, no antialiasing: the value of a plane of `side` at output row
 * y and column x of `size`. */
static double sample(const float *plane, int side, int size, int y, int x)
{
	double v = fmax((y + 0.5) * side / size - 0.5, 0),
	       u = fmax((x + 0.5) * side / size - 0.5, 0);
	int top = (int)v, left = (int)u, bottom = top + 1 < side ? top + 1 : top,
	    right = left + 1 < side ? left + 1 : left;
	double down = v - top, across = u - left;
	return (1 - down) *
	           ((1 - across) * plane[top * side + left] + across * plane[top * side + right]) +
	       down * ((1 - across) * plane[bottom * side + left] +
	                  across * plane[bottom * side + right]);
}

static void check_mixed(int side, int size, double residual)
{
	float x[IMAGES * 3 * SIDE_MAX * SIDE_MAX], start[IMAGES * 3 * S * S],
	    got[IMAGES * 3 * SIDE_MAX * SIDE_MAX];
	struct method m = *method_of(METHOD_fadrm);
	m.residual = residual;
	tensor_scope_begin(NO_GRAD);
	Tensor *tx = random_tensor(T_F32, 4, (int64_t[]){IMAGES, 3, side, side}, 1);
	Tensor *ts = random_tensor(T_F32, 4, (int64_t[]){IMAGES, 3, S, S}, 2);
	Tensor *mixed = phase_start(&m, side ? tx : NULL, ts, size);
	CHECK(tensor_read(ts, T_F32, start, tensor_numel(ts)) == 0);
	CHECK(!side || tensor_read(tx, T_F32, x, tensor_numel(tx)) == 0);
	CHECK(tensor_read(mixed, T_F32, got, IMAGES * 3 * size * size) == 0);
	for (int i = 0; i < IMAGES * 3; i++)
		for (int p = 0; p < size * size; p++) {
			double want = sample(start + i * S * S, S, size, p / size, p % size);
			if (side)
				want = residual * want +
				       (1 - residual) * sample(x + i * side * side, side, size,
				                            p / size, p % size);
			CHECK_NEAR(got[i * size * size + p], want, 1e-5);
		}
	tensor_scope_end();
}

static void the_initial_image_is_mixed_in(void)
{
	static const int sides[] = {0, 5, S, 14};
	for (int i = 0; i < 4; i++)
		for (int j = 1; j < 4; j++) {
			check_mixed(sides[i], sides[j], 0.5);
			check_mixed(sides[i], sides[j], 0.125);
		}
}

/* What comes out is learned in place, and the initial image is needed again. */
static void the_initial_image_stays(void)
{
	float v[IMAGES * 3 * S * S];
	struct method m = *method_of(METHOD_fadrm);
	m.residual = 0;
	tensor_scope_begin(NO_GRAD);
	Tensor *start = tensor_full(1, T_F32, 4, (int64_t[]){IMAGES, 3, S, S});
	tensor_mul_(phase_start(&m, NULL, start, S), 0);
	tensor_mul_(phase_start(&m, start, start, S), 0);
	m.connect = NULL;
	tensor_mul_(phase_start(&m, start, start, S), 0);
	CHECK(tensor_read(start, T_F32, v, tensor_numel(start)) == 0);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		CHECK_NEAR(v[i], 1, 0);
	tensor_scope_end();
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(phases_share_the_steps);
	RUN(the_initial_image_is_mixed_in);
	RUN(the_initial_image_stays);
	return check_done();
}
