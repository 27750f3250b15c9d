/* What the CUDA kernels of lib/cuda are made of, on the CPU: the arithmetic of one element against short derivations of its own,
 * how threads divide an array, and the plug-in itself, as far as it goes without a GPU. No kernel is run here. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/rng.h"
#include "lib/cuda/engine.h"
#include "lib/cuda/grid.h"
#include "lib/torch/elements.h"
#include "test/c/check.h"

static struct rng draws;

static float normal(void)
{
	return (float)rng_normal(&draws);
}

/* --- bf16 ------------------------------------------------------------------------------------------------------------------- */

/* Of the two neighbours of 16 bits the nearer one, and of a tie the even one. */
static void bf16_rounds_to_nearest(void)
{
	for (int i = 0; i < 2000; i++) {
		float f = normal();
		uint32_t bits;
		memcpy(&bits, &f, sizeof bits);
		if (i % 4 == 0)
			bits = (bits & 0xffff0000) | 0x8000; /* a tie */
		memcpy(&f, &bits, sizeof f);
		uint16_t low = (uint16_t)(bits >> 16), high = (uint16_t)(low + 1);
		double below = fabs((double)f - widen(low)), above = fabs((double)f - widen(high));
		uint16_t want = below < above ? low : above < below ? high : low % 2 ? high : low;
		CHECK_THAT(narrow(f) == want, "%a became %04x, not %04x", (double)f, narrow(f), want);
	}
	CHECK(isnan(widen(narrow(NAN))));
	CHECK(widen(narrow(INFINITY)) == INFINITY);
}

/* --- a frozen BatchNorm ------------------------------------------------------------------------------------------------------ */

/* The gradient against central differences of the value; the statistics' part against the definition. */
static void one_element(void)
{
	static const double tops[] = {0, INFINITY, 6};
	const double step = 1e-3;
	for (int i = 0; i < 600; i++) {
		float x = 3 * normal(), scale = normal(), shift = normal(), residual = normal(), dy = normal();
		float top = (float)tops[i % 3], y[3];
		bool adds = i % 2, clamps = top > 0;
		double inner = (double)x * scale + shift + (adds ? residual : 0), want = clamps ? fmin(fmax(inner, 0), top) : inner;
		for (int side = -1; side <= 1; side++)
			y[side + 1] = frozen_value(x + (float)(side * step), scale, shift, adds, residual, clamps, top);
		CHECK_NEAR(y[1], want, 1e-5);
		if (clamps && (fabs(inner) < 0.02 || fabs(inner - top) < 0.02))
			continue; /* a kink between the differences */
		float d = frozen_through(dy, y[1], clamps, top);
		CHECK_NEAR(frozen_gradient(d, x, scale, 0, 0), dy * ((double)y[2] - y[0]) / (2 * step), 5e-3);
		float mean = normal(), dmean = normal(), dvar = normal(), n = 50, slope, offset;
		frozen_line(dmean, dvar, mean, n, &slope, &offset);
		CHECK_NEAR(frozen_gradient(0, x, scale, slope, offset), dmean / n + 2 * dvar * (x - mean) / n, 1e-5);
	}
}

/* On its kinks and outside of them nothing passes; NaN stays. */
static void clamped_elements(void)
{
	CHECK(frozen_through(1, 0, true, 6) == 0 && frozen_through(1, 6, true, 6) == 0 && frozen_through(1, 3, true, 6) == 1);
	CHECK(frozen_through(1, 7, true, INFINITY) == 1 && frozen_through(1, -2, false, 0) == 1);
	CHECK(isnan(frozen_value(NAN, 1, 0, false, 0, true, 6)));
}

/* --- how the BatchNorm's kernels divide an array ---------------------------------------------------------------------------- */

struct shape {
	int64_t rows, C;
	bool bf16;
};

static const struct shape shapes[] = {{1, 1, false}, {5000, 64, true}, {777, 58, true}, {98, 2048, true}, {98, 2048, false},
    {4097, 24, false}, {513, 116, true}, {3, 1000, true}, {20000, 3, false}};

/* The element that a thread of a block begins with at each step of its walk, as the kernels compute it; -1: none. */
static int64_t element(
    const struct shape *s, const struct grid *g, int vector, const int64_t block[2], const int thread[2], int64_t step)
{
	int64_t c = (block[1] * g->wide + thread[1]) * vector, row = block[0] * g->each + thread[0] + step * g->high;
	bool inside = c < s->C && row < s->rows && thread[0] + step * g->high < g->each;
	return inside ? row * s->C + c : -1;
}

/* f is called for each thread of each block, and adds up in it what it gets. */
static void cover(const struct shape *s, int vector, void (*f)(void *ctx, const int64_t block[2], int64_t element), void *ctx)
{
	struct grid g = grid_of(s->rows, s->C, vector);
	CHECK(g.wide * g.high == THREADS && g.each == (int64_t)g.high * WALK);
	for (int64_t down = 0; down < g.down; down++)
		for (int64_t across = 0; across < g.across; across++)
			for (int t = 0; t < THREADS; t++)
				for (int64_t step = 0; step < WALK; step++) {
					int64_t block[] = {down, across};
					int thread[] = {t / g.wide, t % g.wide};
					int64_t at = element(s, &g, vector, block, thread, step);
					if (at >= 0)
						f(ctx, block, at);
				}
}

struct counted {
	int vector;
	unsigned char *times;
};

static void count(void *ctx, const int64_t block[2], int64_t element)
{
	struct counted *c = ctx;
	(void)block;
	for (int v = 0; v < c->vector; v++)
		c->times[element + v]++;
}

static void every_element_once(void)
{
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		const struct shape *s = &shapes[i];
		int64_t n = s->rows * s->C, other = 0;
		struct counted c = {grid_vector(s->C, s->bf16, 0), calloc((size_t)n, 1)};
		cover(s, c.vector, count, &c);
		for (int64_t k = 0; k < n; k++)
			other += c.times[k] != 1;
		CHECK_THAT(!other, "%lld elements of %lld x %lld", (long long)other, (long long)s->rows, (long long)s->C);
		free(c.times);
	}
}

static void vectors(void)
{
	CHECK(grid_vector(64, true, 0) == 8 && grid_vector(64, false, 0) == 4);
	CHECK(grid_vector(58, true, 0) == 2 && grid_vector(116, false, 0) == 4 && grid_vector(3, true, 0) == 1);
	CHECK(grid_vector(64, true, 4) == 2 && grid_vector(64, true, 2) == 1 && grid_vector(64, false, 8) == 2);
}

/* --- the sum of the statistics, in two stages --------------------------------------------------------------------------------- */

struct sums {
	const float *x, *pivot;
	int64_t C;
	int vector;
	float *room; /* [blocks][2][C] */
};

static void add(void *ctx, const int64_t block[2], int64_t element)
{
	struct sums *s = ctx;
	for (int v = 0; v < s->vector; v++) {
		int64_t c = (element + v) % s->C;
		float d = s->x[element + v] - s->pivot[c];
		s->room[2 * block[0] * s->C + c] += d;
		s->room[(2 * block[0] + 1) * s->C + c] += d * d;
	}
}

/* Sums of f32 within a block and of f64 over blocks keep the digits of mean and variance, though these stand far from 0. */
static void statistics_in_two_stages(void)
{
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		const struct shape *s = &shapes[i];
		int64_t C = s->C, n = s->rows * C;
		float *x = calloc((size_t)n, sizeof *x), *pivot = calloc((size_t)C, sizeof *pivot);
		for (int64_t k = 0; k < n; k++)
			x[k] = 100 + normal();
		for (int64_t c = 0; c < C; c++)
			pivot[c] = 100 + 0.1f * normal();
		struct sums sums = {x, pivot, C, grid_vector(C, s->bf16, 0), NULL};
		struct grid g = grid_of(s->rows, C, sums.vector);
		sums.room = calloc((size_t)(2 * g.down * C), sizeof *sums.room);
		cover(s, sums.vector, add, &sums);
		for (int64_t c = 0; c < C; c++) {
			double sum = 0, square = 0, mean = 0, var = 0;
			for (int64_t b = 0; b < g.down; b++) {
				sum += sums.room[2 * b * C + c];
				square += sums.room[(2 * b + 1) * C + c];
			}
			for (int64_t r = 0; r < s->rows; r++)
				mean += x[r * C + c] / (double)s->rows;
			for (int64_t r = 0; r < s->rows; r++)
				var += (x[r * C + c] - mean) * (x[r * C + c] - mean) / (double)s->rows;
			float got_mean, got_var;
			frozen_statistics(sum, square, (double)s->rows, pivot[c], &got_mean, &got_var);
			CHECK_NEAR(got_mean, mean, 1e-5);
			CHECK_NEAR(got_var, var, 5e-6 * (1 + var));
		}
		free(sums.room);
		free(pivot);
		free(x);
	}
}

/* --- the view and its adjoint --------------------------------------------------------------------------------------------------
 */

enum { H = 13, W = 17 };

static const struct pixel_view views[] = {
    {.w = W, .h = H},
    {.x = 2, .y = 1, .w = 9, .h = 7},
    {.x = 1, .y = 3, .w = 6, .h = 5, .flip = true},
    {.x = 4, .y = 2, .w = 11, .h = 10, .flip = true, .roll_x = 2, .roll_y = 3},
    {.x = 16, .y = 12, .w = 1, .h = 1, .roll_x = 2},
    {.x = 3, .y = 5, .w = 2, .h = 3, .roll_y = 5},
    {.w = W, .h = 4, .flip = true, .roll_x = 16, .roll_y = 12},
};

/* Every sample of an axis that reads a pixel is among its readers, for many lengths. */
static void readers_are_found(void)
{
	for (int64_t n = 1; n <= 230; n += 1 + n / 9)
		for (int64_t length = 1; length <= n; length++)
			for (int64_t i = 0; i < n; i++) {
				struct tap t = view_tap(i, n, 5, length);
				for (int64_t p = t.a; p <= t.b; p++) {
					struct readers r = view_readers(p, n, 5, length);
					bool found = i >= r.first && i < r.end;
					CHECK_THAT(found || view_weight(t, p) == 0, "sample %lld of %lld reads %lld of %lld",
					    (long long)i, (long long)n, (long long)(p - 5), (long long)length);
				}
			}
	struct readers below = view_readers(4, 20, 5, 9), above = view_readers(14, 20, 5, 9);
	CHECK(below.first == below.end && above.first == above.end);
}

/* One pixel of dx as the kernel gathers it. */
static float gathered(const struct pixel_view *v, const void *dy, bool bf16, int64_t r, int64_t p, int c)
{
	struct readers rows = view_readers(r, H, v->y, v->h), across = view_readers(p, W, v->x, v->w);
	float sum = 0;
	for (int64_t i = rows.first; i < rows.end; i++)
		for (int64_t j = across.first; j < across.end; j++) {
			float weight = view_weight(view_tap(i, H, v->y, v->h), r) * view_weight(view_tap(j, W, v->x, v->w), p);
			int64_t row = view_place(i, H, false, v->roll_y), column = view_place(j, W, v->flip, v->roll_x);
			sum += weight * load(dy, 3 * (row * W + column) + c, bf16);
		}
	return sum;
}

static void adjoint_as_a_gather(void)
{
	for (size_t k = 0; k < sizeof views / sizeof *views; k++)
		for (int bf16 = 0; bf16 < 2; bf16++) {
			const struct pixel_view *v = &views[k];
			struct tap rows[H], columns[W];
			float dx[3 * H * W], room[3 * W];
			uint32_t dy[3 * H * W];
			for (int i = 0; i < 3 * H * W; i++)
				store(dy, i, normal(), bf16);
			view_taps(rows, H, v->y, v->h, false, v->roll_y);
			view_taps(columns, W, v->x, v->w, v->flip, v->roll_x);
			view_adjoint(dy, dx, bf16, rows, columns, H, W, room);
			for (int i = 0; i < 3 * H * W; i++)
				CHECK_NEAR(gathered(v, dy, bf16, i / (3 * W), i / 3 % W, i % 3), dx[i], 1e-5 * (1 + fabs(dx[i])));
		}
}

/* One pixel of the view as the kernel samples it is the CPU's, bit for bit. */
static void view_by_samples(void)
{
	for (size_t k = 0; k < sizeof views / sizeof *views; k++) {
		const struct pixel_view *v = &views[k];
		struct tap rows[H], columns[W];
		float x[3 * H * W], y[3 * H * W], room[6 * W];
		for (int i = 0; i < 3 * H * W; i++)
			x[i] = normal();
		view_taps(rows, H, v->y, v->h, false, v->roll_y);
		view_taps(columns, W, v->x, v->w, v->flip, v->roll_x);
		view_forward(x, y, false, rows, columns, H, W, room);
		for (int i = 0; i < 3 * H * W; i++) {
			struct tap row = view_tap(i / (3 * W), H, v->y, v->h), t = view_tap(i / 3 % W, W, v->x, v->w);
			const float *above = x + 3 * row.a * W + i % 3, *below = x + 3 * row.b * W + i % 3;
			float top = view_mix(t, above[3 * t.a], above[3 * t.b]),
			      bottom = view_mix(t, below[3 * t.a], below[3 * t.b]);
			int64_t to =
			    view_place(i / (3 * W), H, false, v->roll_y) * W + view_place(i / 3 % W, W, v->flip, v->roll_x);
			CHECK(y[3 * to + i % 3] == view_mix(row, top, bottom));
		}
	}
}

/* --- Adam -----------------------------------------------------------------------------------------------------------------------
 */

/* Against the formula in f64, over some steps. */
static void adam_steps(void)
{
	const double beta1 = 0.5, beta2 = 0.9, eps = 1e-8, lr = 0.1;
	float x = 0.3f, m = 0, v = 0;
	double x_ = x, m_ = 0, v_ = 0;
	for (int step = 1; step <= 20; step++) {
		float g = normal();
		m_ = beta1 * m_ + (1 - beta1) * g;
		v_ = beta2 * v_ + (1 - beta2) * g * g;
		x_ -= lr * (m_ / (1 - pow(beta1, step))) / (sqrt(v_ / (1 - pow(beta2, step))) + eps);
		x_ = fmin(fmax(x_, -0.4), 0.5);
		float rate = (float)(lr / (1 - pow(beta1, step))), root = (float)(1 / sqrt(1 - pow(beta2, step)));
		x = within(adam_move((float)beta1, (float)beta2, (float)eps, rate, root, x, g, &m, &v), -0.4f, 0.5f);
		CHECK_NEAR(x, x_, 2e-6);
		CHECK_NEAR(m, m_, 1e-6);
		CHECK_NEAR(v, v_, 1e-6);
	}
}

/* --- the plug-in ----------------------------------------------------------------------------------------------------------------
 */

/* ../lib/fd2/libfd2-cuda.so beside this program's folder. */
static const char *plugin_path(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);
	path[n > 0 ? n : 0] = 0;
	char *slash = strrchr(path, '/');
	strcpy(slash ? slash : path, "/../lib/fd2/libfd2-cuda.so");
	return path;
}

/* It loads without a GPU or a driver, and its table is whole. Calls that need neither give their answer. */
static void the_plugin_loads(void)
{
	void *library = dlopen(plugin_path(), RTLD_NOW);
	CHECK_THAT(library, "%s", dlerror());
	const struct cuda_engine *(*table)(void) = NULL;
	if (library)
		*(void **)&table = dlsym(library, "fd2_cuda_engine");
	CHECK(table);
	const struct cuda_engine *e = table ? table() : NULL;
	if (!e)
		return;
	CHECK(e->size == sizeof *e);
	CHECK(e->frozen_forward && e->frozen_backward && e->view_forward && e->view_adjoint && e->adam && e->render && e->put);
	CHECK_STR(e->put(NULL, NULL, PUT_MAX + 1, NULL), "too many numbers for one launch");
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		for (int vector = 1; vector <= 8; vector *= 2)
			if (shapes[i].C % vector == 0) {
				int64_t need = 2 * shapes[i].C * grid_of(shapes[i].rows, shapes[i].C, vector).down;
				CHECK(e->frozen_room(shapes[i].rows, shapes[i].C) >= need);
			}
}

int main(void)
{
	draws = rng_at(11, RNG_TEST, 0, 0, 0);
	RUN(bf16_rounds_to_nearest);
	RUN(one_element);
	RUN(clamped_elements);
	RUN(every_element_once);
	RUN(vectors);
	RUN(statistics_in_two_stages);
	RUN(readers_are_found);
	RUN(adjoint_as_a_gather);
	RUN(view_by_samples);
	RUN(adam_steps);
	if (access(plugin_path(), F_OK) == 0)
		RUN(the_plugin_loads);
	else
		puts("ok - the_plugin_loads # SKIP built without nvcc");
	return check_done();
}
