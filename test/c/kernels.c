/* The CUDA kernels of lib/cuda on the CPU: the arithmetic of one element against short
 * derivations of its own; the kernels, run by test/cuda/emulated, against f64 and the CPU's
 * passes; and the plug-in itself, as far as it goes without a GPU. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"
#include "lib/cuda/engine.h"
#include "lib/cuda/grid.h"
#include "lib/kernels/elements.h"
#include "test/c/check.h"

static struct rng draws;

static float normal(void)
{
	return (float)rng_normal(&draws);
}

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
		CHECK_THAT(
		    narrow(f) == want, "%a became %04x, not %04x", (double)f, narrow(f), want);
	}
	CHECK(isnan(widen(narrow(NAN))));
	CHECK(narrow(INFINITY) == 0x7f80 && narrow(-INFINITY) == 0xff80 && narrow(-0.0f) == 0x8000);
	/* The largest number stays, but half a step more does not; half of the smallest one is a
	 * tie. */
	CHECK(narrow(0x1.fefffep127f) == 0x7f7f && narrow(0x1.ffp127f) == 0x7f80);
	CHECK(narrow(0x1p-134f) == 0 && narrow(0x1.0002p-134f) == 1);
}

/* The gradient against central differences of the value; the statistics' part against the
 * definition. */
static void one_element(void)
{
	static const double tops[] = {0, INFINITY, 6};
	const double step = 1e-3;
	for (int i = 0; i < 600; i++) {
		float x = 3 * normal(), scale = normal(), shift = normal(), residual = normal(),
		      dy = normal();
		float top = (float)tops[i % 3], y[3];
		bool adds = i % 2, clamps = top > 0;
		double inner = (double)x * scale + shift + (adds ? residual : 0),
		       want = clamps ? fmin(fmax(inner, 0), top) : inner;
		for (int side = -1; side <= 1; side++)
			y[side + 1] = bn_value(
			    x + (float)(side * step), scale, shift, adds, residual, clamps, top);
		CHECK_NEAR(y[1], want, 1e-5);
		if (clamps && (fabs(inner) < 0.02 || fabs(inner - top) < 0.02))
			continue; /* a kink between the differences */
		float d = bn_passed(dy, y[1], clamps, top);
		CHECK_NEAR(
		    bn_gradient(d, x, scale, 0, 0), dy * ((double)y[2] - y[0]) / (2 * step), 5e-3);
		float mean = normal(), dmean = normal(), dvar = normal(), n = 50, slope, offset;
		bn_line(dmean, dvar, mean, n, &slope, &offset);
		CHECK_NEAR(bn_gradient(0, x, scale, slope, offset),
		    dmean / n + 2 * dvar * (x - mean) / n, 1e-5);
	}
}

/* On its kinks and outside of them nothing passes; NaN stays. */
static void clamped_elements(void)
{
	CHECK(bn_passed(1, 0, true, 6) == 0 && bn_passed(1, 6, true, 6) == 0 &&
	      bn_passed(1, 3, true, 6) == 1);
	CHECK(bn_passed(1, 7, true, INFINITY) == 1 && bn_passed(1, -2, false, 0) == 1);
	CHECK(isnan(bn_value(NAN, 1, 0, false, 0, true, 6)));
}

/* n normal numbers, f32 or bf16; freed by the caller. It begins `skip` elements behind an
 * aligned address. */
struct array {
	char *workspace;
	void *v;
	size_t bytes;
};

static struct array array_new(int64_t n, bool bf16, int skip)
{
	size_t size = bf16 ? 2 : 4;
	struct array a = {xmalloc(((size_t)n + (size_t)skip) * size), NULL, (size_t)n * size};
	a.v = a.workspace + (size_t)skip * size;
	for (int64_t i = 0; i < n; i++)
		store(a.v, i, normal(), bf16);
	return a;
}

/* The threads' order differs from run to run; what f writes, all of `out`, must not. */
static void run_thrice(const char *(*f)(void *ctx), void *ctx, const struct array *out, int outs)
{
	char *before[3];
	for (int k = 0; k < outs; k++)
		before[k] = xmalloc(out[k].bytes);
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < outs; k++)
			memset(out[k].v, 0xff, out[k].bytes); /* NaN, in every type */
		CHECK_STR(f(ctx), NULL);
		for (int k = 0; k < outs; k++) {
			CHECK_THAT(!i || !memcmp(out[k].v, before[k], out[k].bytes),
			    "output %d of run %d differs", k, i);
			memcpy(before[k], out[k].v, out[k].bytes);
		}
	}
	for (int k = 0; k < outs; k++)
		free(before[k]);
}

struct shape {
	int64_t groups, rows, C; /* rows of each group */
	bool bf16;
	int skip; /* elements that the arrays are off a multiple of 16 bytes */
};

static const struct shape shapes[] = {{1, 1, 1, false, 0}, {1, 5000, 64, true, 0},
    {2, 777, 58, true, 0}, {1, 98, 2048, true, 0}, {1, 98, 2048, false, 0}, {1, 4097, 24, false, 0},
    {3, 513, 116, true, 0}, {5, 3, 1000, true, 0}, {1, 20000, 3, false, 0}, {2, 300, 64, true, 2},
    {1, 300, 64, true, 1}, {3, 300, 64, false, 2}, {1, 129, 33, false, 1}, {4, 49, 512, true, 0}};

enum { SHAPES = sizeof shapes / sizeof *shapes };

struct norm {
	struct bn_pass k;
	const struct shape *s;
	float *workspace, *statistics; /* mean and var [2][groups][C] */
	const float *mean, *dmean, *dvar;
};

static int64_t vectors_of(const struct shape *s)
{
	return s->groups * s->C;
}

static int64_t elements_of(const struct shape *s)
{
	return s->groups * s->rows * s->C;
}

static int64_t room_of(const struct shape *s)
{
	return fd2_cuda_engine()->frozen_workspace(
	    &(struct bn_pass){.C = s->C}, s->rows, s->groups);
}

static const char *run_forward(void *ctx)
{
	struct norm *n = ctx;
	float *mean = n->workspace ? n->statistics : NULL,
	      *var = n->workspace ? n->statistics + vectors_of(n->s) : NULL;
	return fd2_cuda_engine()->frozen_forward(
	    &n->k, n->s->rows, n->s->groups, n->workspace, mean, var, NULL);
}

static const char *run_backward(void *ctx)
{
	struct norm *n = ctx;
	return fd2_cuda_engine()->frozen_backward(
	    &n->k, n->s->rows, n->s->groups, n->mean, n->dmean, n->dvar, NULL);
}

/* What a result may be off by: roundings of f32, or the last of bf16's 8 bits. */
static double slack(bool bf16, double value)
{
	return (bf16 ? 1.0 / 256 : 1e-5) * (1 + fabs(value));
}

static void check_values(const struct norm *n)
{
	const struct bn_pass *k = &n->k;
	for (int64_t i = 0; i < elements_of(n->s); i++) {
		double want =
		    (double)load(k->x, i, k->bf16) * k->scale[i % k->C] + k->shift[i % k->C];
		want += k->residual ? load(k->residual, i, k->bf16) : 0;
		want = k->top > 0 ? fmin(fmax(want, 0), k->top) : want;
		CHECK_NEAR(load(k->y, i, k->bf16), want, slack(k->bf16, want));
	}
}

static void check_statistics(const struct norm *n)
{
	const struct bn_pass *k = &n->k;
	double rows = (double)n->s->rows;
	for (int64_t i = 0; i < vectors_of(n->s); i++) {
		double mean = 0, var = 0;
		int64_t first = i / k->C * n->s->rows * k->C + i % k->C;
		for (int64_t r = 0; r < n->s->rows; r++)
			mean += load(k->x, first + r * k->C, k->bf16) / rows;
		for (int64_t r = 0; r < n->s->rows; r++)
			var += pow(load(k->x, first + r * k->C, k->bf16) - mean, 2) / rows;
		CHECK_NEAR(n->statistics[i], mean, 1e-5);
		CHECK_NEAR(n->statistics[vectors_of(n->s) + i], var, 5e-6 * (1 + var));
	}
}

/* The statistics' part of element i of dx, which is x there. */
static double of_statistics(const struct norm *n, int64_t i, double x)
{
	double rows = (double)n->s->rows;
	int64_t at = i / (n->s->rows * n->k.C) * n->k.C + i % n->k.C;
	return n->dmean ? n->dmean[at] / rows + 2.0 * n->dvar[at] * (x - n->mean[at]) / rows : 0;
}

static void check_gradients(const struct norm *n)
{
	const struct bn_pass *k = &n->k;
	for (int64_t i = 0; i < elements_of(n->s); i++) {
		int64_t c = i % k->C;
		float y = load(k->y, i, k->bf16), x = load(k->x, i, k->bf16);
		double d = k->top > 0 && (y <= 0 || y >= k->top) ? 0 : load(k->dy, i, k->bf16),
		       want = d * k->scale[c];
		want += of_statistics(n, i, x);
		CHECK_NEAR(load(k->dx, i, k->bf16), want, slack(k->bf16, want));
		CHECK(!k->dresidual || load(k->dresidual, i, k->bf16) == (float)d);
	}
}

/* One shape with one activation; `whole`: a residual and the statistics too. */
static void norm_runs(const struct shape *s, float top, bool whole)
{
	int64_t n = elements_of(s), vectors = vectors_of(s);
	struct array x = array_new(n, s->bf16, s->skip), y = array_new(n, s->bf16, s->skip),
	             r = array_new(n, s->bf16, s->skip);
	struct array dy = array_new(n, s->bf16, s->skip), dx = array_new(n, s->bf16, s->skip),
	             dr = array_new(n, s->bf16, s->skip);
	struct array channels = array_new(3 * s->C, false, 0), d = array_new(2 * vectors, false, 0);
	struct array workspace = array_new(room_of(s), false, 0),
	             statistics = array_new(2 * vectors, false, 0);
	float *c = channels.v;
	struct norm k = {
	    {s->C, s->bf16, top, x.v, whole ? r.v : NULL, y.v, c, c + s->C, c + 2 * s->C}, s};
	k.workspace = whole ? workspace.v : NULL;
	k.statistics = statistics.v;
	run_thrice(run_forward, &k, (struct array[]){y, statistics}, 1 + whole);
	check_values(&k);
	if (whole) {
		check_statistics(&k);
		k.mean = k.statistics;
		k.dmean = d.v;
		k.dvar = k.dmean + vectors;
		k.k.dresidual = dr.v;
	}
	k.k.dy = dy.v;
	k.k.dx = dx.v;
	run_thrice(run_backward, &k, (struct array[]){dx, dr}, 1 + whole);
	check_gradients(&k);
	for (struct array *a =
	         (struct array[]){x, y, r, dy, dx, dr, channels, d, workspace, statistics, {0}};
	     a->workspace; a++)
		free(a->workspace);
}

static void norm_kernels(void)
{
	for (int i = 0; i < SHAPES; i++)
		for (int whole = 0; whole < 2; whole++) {
			norm_runs(&shapes[i], INFINITY, whole);
			norm_runs(&shapes[i], 0, whole);
			norm_runs(&shapes[i], 1, whole);
		}
}

/* Sums of f32 within a block and of f64 over blocks keep the digits of mean and variance, though
 * these stand far from 0. */
static void statistics_far_from_zero(void)
{
	for (const struct shape *s = shapes; s < shapes + SHAPES; s++) {
		int64_t n = elements_of(s);
		struct array x = array_new(n, s->bf16, s->skip), y = array_new(n, s->bf16, s->skip);
		struct array channels = array_new(3 * s->C, false, 0),
		             statistics = array_new(2 * vectors_of(s), false, 0);
		struct array workspace = array_new(room_of(s), false, 0);
		float *c = channels.v;
		struct norm k = {{s->C, s->bf16, 0, x.v, NULL, y.v, c, c + s->C, c + 2 * s->C}, s,
		    workspace.v, statistics.v};
		for (int64_t i = 0; i < n; i++)
			store(x.v, i, 100 + normal(), s->bf16);
		for (int64_t i = 2 * s->C; i < 3 * s->C; i++)
			c[i] = 100 + 0.1f * normal();
		run_thrice(run_forward, &k, &statistics, 1);
		check_statistics(&k);
		for (struct array *a = (struct array[]){x, y, channels, statistics, workspace, {0}};
		     a->workspace; a++)
			free(a->workspace);
	}
}

struct map {
	int64_t groups, images, H, W, C; /* images of all groups */
	bool bf16;
	int skip;
};

static const struct map maps[] = {{2, 4, 7, 5, 64, true, 0}, {3, 3, 8, 8, 24, false, 0},
    {1, 1, 1, 1, 3, false, 0}, {1, 2, 1, 6, 58, true, 0}, {1, 1, 9, 4, 64, false, 2},
    {1, 1, 9, 4, 64, true, 1}, {1, 2, 6, 2, 2048, true, 0}, {1, 1, 40, 30, 33, true, 0}};

static int64_t room_of_map(const struct map *m)
{
	struct bn_pass k = {.C = m->C, .pools = true, .H = m->H, .W = m->W};
	return fd2_cuda_engine()->frozen_workspace(
	    &k, m->images / m->groups * m->H * m->W, m->groups);
}

/* The sums of a pool's blocks, which walk over windows, have room. Maps with an odd side have
 * more than a quarter as many windows as pixels. */
static void room_for_pools(void)
{
	for (int64_t images = 1; images <= 200; images++)
		for (int64_t side = 1; side <= 255; side += 2)
			for (int bf16 = 0; bf16 < 2; bf16++) {
				struct map m = {1, images, side, side, 64, bf16, 0};
				int64_t h = pool_size(side);
				struct grid g =
				    grid_of(images * h * h, 1, m.C, grid_vector(m.C, bf16, 0));
				CHECK_THAT(2 * m.C * g.down <= room_of_map(&m),
				    "%lld images of %lld pixels have no room", (long long)images,
				    (long long)side);
			}
}

/* Equal bits, or two NaNs. */
static bool same(const void *a, const void *b, int64_t n, bool bf16)
{
	size_t size = bf16 ? 2 : 4;
	for (int64_t i = 0; i < n; i++)
		if (memcmp((char *)a + i * (int64_t)size, (char *)b + i * (int64_t)size, size) &&
		    !(isnan(load(a, i, bf16)) && isnan(load(b, i, bf16))))
			return false;
	return true;
}

/* The CPU's passes give the same bits. */
static void check_windows(const struct bn_pass *k, int64_t images)
{
	int64_t h = pool_size(k->H), n = images * h * pool_size(k->W) * k->C;
	struct array y = array_new(n, k->bf16, 0), winner = array_new(n, false, 0);
	struct pool_workspace *workspace = pool_workspace_new(k);
	struct bn_pass cpu = *k;
	cpu.y = y.v;
	cpu.winner = winner.v;
	for (int64_t band = 0; band < images * h; band++)
		pooled_bn_forward(&cpu, band, workspace, NULL, NULL);
	CHECK(same(y.v, k->y, n, k->bf16));
	CHECK(!memcmp(winner.v, k->winner, (size_t)n));
	pool_workspace_free(workspace);
	free(y.workspace);
	free(winner.workspace);
}

/* The CPU's gradient is equal; the sign of a 0 may differ. */
static void check_shares(const struct norm *n, int64_t images)
{
	struct bn_pass cpu = n->k;
	int64_t C = cpu.C, bands = images * pool_size(cpu.H), in_group = bands / n->s->groups,
	        count = elements_of(n->s);
	struct array dx = array_new(count, cpu.bf16, 0);
	struct pool_workspace *workspace = pool_workspace_new(&cpu);
	float *lines = xcalloc((size_t)(2 * C), sizeof *lines);
	cpu.dx = dx.v;
	cpu.slope = lines;
	cpu.offset = lines + C;
	for (int64_t band = 0; band < bands; band++) {
		int64_t first = band / in_group * C; /* of its group's statistics */
		for (int64_t c = 0; c < C && band % in_group == 0; c++)
			bn_line(n->dmean ? n->dmean[first + c] : 0,
			    n->dvar ? n->dvar[first + c] : 0, n->mean ? n->mean[first + c] : 0,
			    (double)n->s->rows, &lines[c], &lines[C + c]);
		pooled_bn_backward(&cpu, band, workspace);
	}
	for (int64_t i = 0; i < count; i++)
		CHECK(load(dx.v, i, cpu.bf16) == load(n->k.dx, i, cpu.bf16));
	pool_workspace_free(workspace);
	free(lines);
	free(dx.workspace);
}

/* Values in f64. The winner is the first of the largest, or nobody where nothing passes. */
static void check_winners(const struct bn_pass *k, int64_t images)
{
	int64_t h = pool_size(k->H), w = pool_size(k->W);
	for (int64_t at = 0; at < images * h * w * k->C; at++) {
		int64_t c = at % k->C, j = at / k->C % w, i = at / k->C / w % h,
		        image = at / k->C / w / h;
		double best = -INFINITY, won = NAN;
		for (int64_t place = 0; place < 9; place++) {
			int64_t y = 2 * i - 1 + place / 3, x = 2 * j - 1 + place % 3;
			if (y < 0 || y >= k->H || x < 0 || x >= k->W)
				continue;
			double v = (double)load(
			               k->x, ((image * k->H + y) * k->W + x) * k->C + c, k->bf16) *
			               k->scale[c] +
			           k->shift[c];
			v = k->top > 0 ? fmin(fmax(v, 0), k->top) : v;
			best = fmax(best, v);
			won = k->winner[at] == place ? v : won;
		}
		double got = load(k->y, at, k->bf16);
		CHECK_NEAR(got, best, slack(k->bf16, best));
		if (k->winner[at] == POOL_NONE)
			CHECK(k->top > 0 && (got <= 0 || got >= k->top));
		else
			CHECK_NEAR(won, best, 2 * slack(k->bf16, best)); /* equals in bf16 */
	}
}

/* Every dy goes where its winner is. */
static void check_unpooled(const struct norm *n, int64_t images)
{
	const struct bn_pass *k = &n->k;
	int64_t h = pool_size(k->H), w = pool_size(k->W), rows = images * k->H * k->W;
	double *d = xcalloc((size_t)(rows * k->C), sizeof *d);
	for (int64_t at = 0; at < images * h * w * k->C; at++) {
		int64_t c = at % k->C, j = at / k->C % w, i = at / k->C / w % h,
		        image = at / k->C / w / h, place = k->winner[at];
		if (place != POOL_NONE)
			d[((image * k->H + 2 * i - 1 + place / 3) * k->W + 2 * j - 1 + place % 3) *
			        k->C +
			    c] += load(k->dy, at, k->bf16);
	}
	for (int64_t i = 0; i < rows * k->C; i++) {
		double x = load(k->x, i, k->bf16),
		       want = d[i] * k->scale[i % k->C] + of_statistics(n, i, x);
		CHECK_NEAR(load(k->dx, i, k->bf16), want, 2 * slack(k->bf16, want));
	}
	free(d);
}

/* As norm_runs. */
static void pool_runs(const struct map *m, float top, bool whole)
{
	struct shape s = {m->groups, m->images / m->groups * m->H * m->W, m->C, m->bf16, m->skip};
	int64_t n = elements_of(&s), vectors = vectors_of(&s),
	        out = m->images * pool_size(m->H) * pool_size(m->W) * m->C;
	struct array x = array_new(n, s.bf16, s.skip), y = array_new(out, s.bf16, s.skip),
	             dy = array_new(out, s.bf16, s.skip);
	struct array dx = array_new(n, s.bf16, s.skip), winner = array_new(out, false, 0);
	struct array channels = array_new(3 * s.C, false, 0), d = array_new(2 * vectors, false, 0);
	struct array workspace = array_new(room_of_map(m), false, 0),
	             statistics = array_new(2 * vectors, false, 0);
	float *c = channels.v;
	struct norm k = {{s.C, s.bf16, top, x.v, NULL, y.v, c, c + s.C, c + 2 * s.C}, &s};
	k.k.pools = true;
	k.k.H = m->H;
	k.k.W = m->W;
	k.k.winner = (uint8_t *)winner.v + m->skip;
	winner.bytes = (size_t)(out + m->skip);
	k.workspace = whole ? workspace.v : NULL;
	k.statistics = statistics.v;
	run_thrice(run_forward, &k, (struct array[]){y, winner, statistics}, 2 + whole);
	check_windows(&k.k, m->images);
	check_winners(&k.k, m->images);
	if (whole) {
		check_statistics(&k);
		k.mean = k.statistics;
		k.dmean = d.v;
		k.dvar = k.dmean + vectors;
	}
	k.k.dy = dy.v;
	k.k.dx = dx.v;
	run_thrice(run_backward, &k, &dx, 1);
	check_unpooled(&k, m->images);
	check_shares(&k, m->images);
	for (struct array *a =
	         (struct array[]){x, y, dy, dx, winner, channels, d, workspace, statistics, {0}};
	     a->workspace; a++)
		free(a->workspace);
}

static void pool_kernels(void)
{
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
		for (int whole = 0; whole < 2; whole++) {
			pool_runs(&maps[i], INFINITY, whole);
			pool_runs(&maps[i], 0, whole);
			pool_runs(&maps[i], 1, whole);
		}
}

/* Below pool_floor(y) a value is rounded to less than y, from there on to y. */
static void floors(void)
{
	for (uint16_t y = 1; y <= 0x7f80; y++) {
		float least = pool_floor(widen(y), true);
		CHECK(narrow(least) == y && narrow(nextafterf(least, 0)) == y - 1);
	}
	CHECK(pool_floor(1.1f, false) == 1.1f);
}

/* Numbers that tie, before or after rounding, and those that no order holds for. */
static const float few[] = {
    0, -0.0f, 1, -1, 1.0078125f, 0.99609375f, -1.0078125f, 2, 3e-5f, -3e-5f};
static const float odd[] = {NAN, INFINITY, -INFINITY, 0x1p-140f, -0x1p127f, 0x1p127f};
static const float shifts[] = {0, 0, -0.0f, 0.5f, -0.5f, 100, 1000, 3e-5f, -3e-5f, 1e5f};

static float one_of(const float *v, size_t n, bool is_odd)
{
	return is_odd ? odd[rng_below(&draws, sizeof odd / sizeof *odd)]
	              : v[rng_below(&draws, (uint32_t)n)];
}

/* Values and winners stay the CPU's. One in `odds` of the inputs or of the channels' constants
 * is odd; 0: none. */
static void tied_windows(bool bf16, float top, int64_t C, uint32_t x_odds, uint32_t odds)
{
	enum { IMAGES = 2, HIGH = 7, WIDE = 6 };
	int64_t n = IMAGES * HIGH * WIDE * C, out = IMAGES * pool_size(HIGH) * pool_size(WIDE) * C;
	struct array x = array_new(n, bf16, 0), y = array_new(out, bf16, 0),
	             winner = array_new(out, false, 0);
	struct array channels = array_new(2 * C, false, 0);
	struct shape s = {1, n / C, C, bf16, 0};
	float *c = channels.v;
	struct norm k = {{C, bf16, top, x.v, NULL, y.v, c, c + C, c, .pools = true, .H = HIGH,
	                     .W = WIDE, .winner = winner.v},
	    &s};
	for (int64_t i = 0; i < n; i++)
		store(x.v, i,
		    one_of(few, sizeof few / sizeof *few, x_odds && !rng_below(&draws, x_odds)),
		    bf16);
	for (int64_t i = 0; i < C; i++) {
		c[i] = one_of(few, sizeof few / sizeof *few, odds && !rng_below(&draws, odds));
		c[C + i] = one_of(
		    shifts, sizeof shifts / sizeof *shifts, odds && !rng_below(&draws, odds));
	}
	CHECK_STR(run_forward(&k), NULL);
	check_windows(&k.k, IMAGES);
	for (struct array *a = (struct array[]){x, y, winner, channels, {0}}; a->workspace; a++)
		free(a->workspace);
}

static void pooled_ties(void)
{
	static const float tops[] = {INFINITY, 1, 0.7f, 0};
	for (int i = 0; i < 4 * 2 * 3 * 3; i++)
		for (int odds = 0; odds < 3; odds++)
			tied_windows(i & 1, tops[i / 2 % 4], 64 + i / 8 % 3, odds == 1 ? 40 : 0,
			    odds == 2 ? 10 : 0);
}

/* A NaN is not lost, and passes nothing on. */
static void pooled_nan(void)
{
	enum { SIDE = 4, OUT = 2 };
	float x[SIDE * SIDE] = {0}, one = 1, zero = 0, y[OUT * OUT];
	uint8_t winner[OUT * OUT];
	struct shape s = {1, SIDE * SIDE, 1};
	struct norm n = {{1, false, INFINITY, x, NULL, y, &one, &zero, &zero, .pools = true,
	                     .H = SIDE, .W = SIDE, .winner = winner},
	    &s};
	x[0] = NAN;
	x[1] = 2;
	CHECK_STR(run_forward(&n), NULL);
	CHECK(isnan(y[0]) && winner[0] == POOL_NONE && y[1] == 2 && winner[1] == 3);
	check_windows(&n.k, 1);
}

/* Number i in f32: of a bf16's bits i / 8, the neighbours, the values half way to the next, and
 * their neighbours. */
static float to_round(int64_t i)
{
	static const uint32_t below[] = {0, 1, 0x4000, 0x7fff, 0x8000, 0x8001, 0xc000, 0xffff};
	uint32_t bits = (uint32_t)(i / 8 % 0x10000) << 16 | below[i % 8];
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* y = -0 * 1 + f is f for every f. A kernel gives the bits of narrow(), a NaN for a NaN. */
static void rounds_as_the_cpu(int64_t C, bool pools)
{
	const uint16_t below_zero = 0x8000;
	uint16_t *x = xmalloc((size_t)C * sizeof *x), *y = xmalloc((size_t)C * sizeof *y);
	float *scale = xmalloc((size_t)C * sizeof *scale),
	      *shift = xmalloc((size_t)C * sizeof *shift);
	uint8_t *winner = xmalloc((size_t)C);
	struct bn_pass k = {C, true, 0, x, NULL, y, scale, shift, shift, .pools = pools, .H = 1,
	    .W = 1, .winner = winner};
	for (int64_t c = 0; c < C; c++) {
		x[c] = below_zero;
		scale[c] = 1;
		shift[c] = to_round(c);
	}
	CHECK_STR(fd2_cuda_engine()->frozen_forward(&k, 1, 1, NULL, NULL, NULL, NULL), NULL);
	for (int64_t c = 0; c < C; c++)
		CHECK_THAT(isnan(shift[c]) ? isnan(widen(y[c])) : y[c] == narrow(shift[c]),
		    "%a became %04x, not %04x", (double)shift[c], y[c], narrow(shift[c]));
	free(x);
	free(y);
	free(scale);
	free(shift);
	free(winner);
}

/* All 2^16 numbers and what is between them, 8, 2 and 1 channels at a time. */
static void kernels_round(void)
{
	for (int past = 0; past < 3; past++) {
		rounds_as_the_cpu((1 << 19) + past, false);
		rounds_as_the_cpu((1 << 19) + past, true);
	}
}

static void vectors(void)
{
	CHECK(grid_vector(64, true, 0) == 8 && grid_vector(64, false, 0) == 4);
	CHECK(grid_vector(58, true, 0) == 2 && grid_vector(116, false, 0) == 4 &&
	      grid_vector(3, true, 0) == 1);
	CHECK(grid_vector(64, true, 4) == 2 && grid_vector(64, true, 2) == 1 &&
	      grid_vector(64, false, 8) == 2);
}

/* Small tensors have many blocks, large ones few with many rows each; all rows are walked. */
static void grids(void)
{
	for (int64_t rows = 1; rows < 10000000; rows += 1 + rows / 3)
		for (int64_t C = 64; C <= 2048; C *= 2) {
			struct grid g = grid_of(rows, 1, C, 8), shared = grid_of(rows, 8, C, 8);
			int64_t walk = g.each / g.high, blocks = g.down * g.across;
			CHECK(g.wide * g.high == THREADS && g.wide * g.across * 8 >= C);
			CHECK(g.each * g.down >= rows && g.each * (g.down - 1) < rows);
			CHECK(walk == WALK_LEAST || blocks <= BLOCKS || walk == WALK_MOST);
			CHECK(walk == WALK_LEAST || blocks > BLOCKS / 2);
			CHECK(shared.each >= g.each && shared.each * shared.down >= rows);
		}
}

enum { MOST_LAYERS = 130 };

struct distances {
	struct bn_layer layers[MOST_LAYERS];
	int n;
	int64_t groups;
	bool normalised;
	struct array in, d, factors, terms, sum;
	float dsum;
};

static const char *run_distances(void *ctx)
{
	struct distances *d = ctx;
	const char *wrong = fd2_cuda_engine()->distances(
	    d->layers, d->n, d->groups, d->normalised, d->factors.v, d->terms.v, d->sum.v, NULL);
	return wrong ? wrong
	             : fd2_cuda_engine()->distances_gradient(
	                   d->layers, d->n, d->groups, d->factors.v, &d->dsum, NULL);
}

/* n layers of 1, 8, 15, ... channels; the statistics of the last are the running ones. */
static void distances_fill(struct distances *d)
{
	float *in = d->in.v, *out = d->d.v;
	for (int l = 0; l < d->n; l++) {
		int64_t C = 1 + 7 * l, all = d->groups * C;
		d->layers[l] = (struct bn_layer){
		    in, in + all, in + 2 * all, in + 2 * all + C, out, out + all, C, l ? 1 : 10};
		for (int64_t c = 0; c < C; c++)
			in[2 * all + C + c] = 0.1f + fabsf(in[2 * all + C + c]);
		for (int64_t i = 0; i < all && l && l == d->n - 1; i++) {
			in[i] = in[2 * all + i % C];
			in[all + i] = in[2 * all + C + i % C];
		}
		in += 2 * all + 2 * C;
		out += 2 * all;
	}
}

static double length(const float *u, const float *v, int64_t n)
{
	double sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += pow((double)u[i] - (v ? v[i] : 0), 2);
	return sqrt(sum);
}

/* One norm's gradient; its term is the result. */
static double check_distance(const float *u, const float *v, const float *du, int64_t C,
    double over, double weight, double dsum)
{
	double distance = length(u, v, C);
	for (int64_t c = 0; c < C; c++) {
		double want =
		    distance > 0 ? dsum * weight * ((double)u[c] - v[c]) / (over * distance) : 0;
		CHECK_NEAR(du[c], want, 1e-5 * (1e-3 + fabs(want)));
	}
	return weight * distance / over;
}

static void check_distances(const struct distances *d)
{
	double sum = 0;
	for (const struct bn_layer *l = d->layers; l < d->layers + d->n; l++) {
		double sigma2 = length(l->running_var, NULL, l->C), sigma = 0;
		for (int64_t c = 0; c < l->C; c++)
			sigma += l->running_var[c];
		for (int64_t g = 0; g < d->groups; g++) {
			int64_t at = g * l->C;
			sum += check_distance(l->mean + at, l->running_mean, l->dmean + at, l->C,
			    d->normalised ? sqrt(sigma) : 1, l->weight, d->dsum);
			sum += check_distance(l->var + at, l->running_var, l->dvar + at, l->C,
			    d->normalised ? sigma2 : 1, l->weight, d->dsum);
		}
	}
	CHECK_NEAR(*(float *)d->sum.v, sum, 1e-6 * sum);
}

/* Against f64; more layers than one launch takes, and groups. */
static void distances_kernel(void)
{
	static const int layers[] = {1, 20, MOST_LAYERS};
	for (int i = 0; i < 12; i++) {
		struct distances d = {.n = layers[i % 3],
		    .groups = i % 6 < 3 ? 1 : 3,
		    .normalised = i >= 6,
		    .dsum = 0.7f};
		int64_t channels = 0;
		for (int l = 0; l < d.n; l++)
			channels += 1 + 7 * l;
		d.in = array_new((2 * d.groups + 2) * channels, false, 0);
		d.d = array_new(2 * d.groups * channels, false, 0);
		d.factors = array_new(2 * d.n * d.groups, false, 0);
		d.terms = array_new(d.n * d.groups, false, 0);
		d.sum = array_new(1, false, 0);
		distances_fill(&d);
		run_thrice(run_distances, &d, (struct array[]){d.sum, d.d}, 2);
		check_distances(&d);
		for (struct array *a = (struct array[]){d.in, d.d, d.factors, d.terms, d.sum, {0}};
		     a->workspace; a++)
			free(a->workspace);
	}
}

enum { N = 2, H = 13, W = 17, PIXELS = 3 * H * W };

/* Seen as large as it is, smaller, and larger; at most: */
enum { SIDES = 3, h_MAX = 26, w_MAX = 34, SEEN_MAX = 3 * h_MAX * w_MAX };
static const struct view_sides sides[SIDES] = {{H, W, H, W}, {H, W, 6, 11}, {H, W, h_MAX, w_MAX}};

static int64_t seen_pixels(const struct view_sides *s)
{
	return 3 * s->h * s->w;
}

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
		for (int64_t length = 1; length <= n + n / 2; length++)
			for (int64_t i = 0; i < n; i++) {
				struct tap t = view_tap(i, n, 5, length);
				for (int64_t p = t.a; p <= t.b; p++) {
					struct readers r = view_readers(p, n, 5, length);
					bool found = i >= r.first && i < r.end;
					CHECK_THAT(found || view_weight(t, p) == 0,
					    "sample %lld of %lld reads %lld of %lld", (long long)i,
					    (long long)n, (long long)(p - 5), (long long)length);
				}
			}
	struct readers below = view_readers(4, 20, 5, 9), above = view_readers(14, 20, 5, 9);
	CHECK(below.first == below.end && above.first == above.end);
}

enum { VIEWS = sizeof views / sizeof *views, IMAGES = N * VIEWS };

/* N images through each view, all in one launch. */
struct viewing {
	const struct view_sides *sides;
	bool bf16;
	void *from, *to;
};

static const char *run_view(void *ctx)
{
	struct viewing *v = ctx;
	struct pixel_view readable[VIEWS]; /* on the stack, which a GPU can read */
	memcpy(readable, views, sizeof readable);
	return fd2_cuda_engine()->view_forward(
	    v->from, v->to, v->bf16, readable, VIEWS, IMAGES, v->sides, NULL);
}

static const char *run_adjoint(void *ctx)
{
	struct viewing *v = ctx;
	struct pixel_view readable[VIEWS]; /* on the stack, which a GPU can read */
	memcpy(readable, views, sizeof readable);
	return fd2_cuda_engine()->view_adjoint(
	    v->from, v->to, v->bf16, readable, VIEWS, IMAGES, v->sides, NULL);
}

/* The taps that the CPU's passes want for image i. */
static void taps_for(
    int i, const struct view_sides *s, struct tap rows[h_MAX], struct tap columns[w_MAX])
{
	const struct pixel_view *v = &views[i / N];
	view_taps(rows, s->h, v->y, v->h, false, v->roll_y);
	view_taps(columns, s->w, v->x, v->w, v->flip, v->roll_x);
}

/* The CPU's pass gives the same bits. */
static void view_kernel(void)
{
	struct tap rows[h_MAX], columns[w_MAX];
	float workspace[6 * w_MAX];
	for (int k = 0; k < 2 * SIDES; k++) {
		const struct view_sides *s = &sides[k / 2];
		bool bf16 = k % 2;
		struct array x = array_new(IMAGES * PIXELS, false, 0),
		             y = array_new(IMAGES * seen_pixels(s), bf16, 0);
		struct array want = array_new(seen_pixels(s), bf16, 0);
		struct viewing v = {s, bf16, x.v, y.v};
		run_thrice(run_view, &v, &y, 1);
		for (int i = 0; i < IMAGES; i++) {
			taps_for(i, s, rows, columns);
			view_forward(
			    (float *)x.v + i * PIXELS, want.v, bf16, rows, columns, s, workspace);
			CHECK(!memcmp(want.v, (char *)y.v + (size_t)i * want.bytes, want.bytes));
		}
		free(x.workspace);
		free(y.workspace);
		free(want.workspace);
	}
}

/* The CPU's pass scatters where the kernel gathers. */
static void adjoint_kernel(void)
{
	struct tap rows[h_MAX], columns[w_MAX];
	float want[PIXELS], workspace[3 * w_MAX];
	for (int k = 0; k < 2 * SIDES; k++) {
		const struct view_sides *s = &sides[k / 2];
		bool bf16 = k % 2;
		struct array dy = array_new(IMAGES * seen_pixels(s), bf16, 0),
		             dx = array_new(IMAGES * PIXELS, false, 0);
		struct viewing v = {s, bf16, dy.v, dx.v};
		run_thrice(run_adjoint, &v, &dx, 1);
		for (int i = 0; i < IMAGES; i++) {
			taps_for(i, s, rows, columns);
			view_adjoint((char *)dy.v + (size_t)i * dy.bytes / IMAGES, want, bf16, rows,
			    columns, s, workspace);
			for (int p = 0; p < PIXELS; p++)
				CHECK_NEAR(((float *)dx.v)[i * PIXELS + p], want[p],
				    1e-5 * (1 + fabs(want[p])));
		}
		free(dy.workspace);
		free(dx.workspace);
	}
}

/* <Ax, Ax> = <x, A'Ax> */
static void is_adjoint(const struct pixel_view *view, int64_t high, int64_t wide)
{
	int64_t n = 3 * high * wide;
	struct array x = array_new(n, false, 0), y = array_new(n, false, 0),
	             back = array_new(n, false, 0);
	const struct cuda_engine *e = fd2_cuda_engine();
	const struct view_sides same = {high, wide, high, wide};
	CHECK_STR(e->view_forward(x.v, y.v, false, view, 1, 1, &same, NULL), NULL);
	CHECK_STR(e->view_adjoint(y.v, back.v, false, view, 1, 1, &same, NULL), NULL);
	double seen = 0, pulled = 0;
	for (int64_t i = 0; i < n; i++) {
		seen += pow(((float *)y.v)[i], 2);
		pulled += (double)((float *)x.v)[i] * ((float *)back.v)[i];
	}
	CHECK_NEAR(seen, pulled, 1e-4 * seen);
	free(x.workspace);
	free(y.workspace);
	free(back.workspace);
}

/* More columns than a block has threads, more rows that read a pixel, and more columns than its
 * memory holds. */
static void large_views(void)
{
	float none;
	const struct view_sides wide = {3, 3, 3, 3414};
	is_adjoint(
	    &(struct pixel_view){.x = 10, .y = 1, .w = 500, .h = 2, .flip = true, .roll_x = 7}, 3,
	    600);
	is_adjoint(
	    &(struct pixel_view){.x = 1, .y = 300, .w = 2, .h = 2, .flip = true, .roll_y = 7}, 600,
	    3);
	CHECK_STR(fd2_cuda_engine()->view_adjoint(&none, &none, false, views, 1, 1, &wide, NULL),
	    "views wider than 3413 pixels have no kernel");
}

/* Against the formula in f64, over some steps; each channel has its own bounds. */
static void adam_kernel(void)
{
	enum { PIXEL_COUNT = 100, COUNT = 3 * PIXEL_COUNT };
	const double beta1 = 0.5, beta2 = 0.9, eps = 1e-8, lr = 0.1;
	struct adam k = {(float)beta1, (float)beta2, (float)eps, .lo = {-0.4f, -0.5f, -0.6f},
	    .hi = {0.5f, 0.6f, 0.7f}};
	float x[COUNT], m[COUNT] = {0}, v[COUNT] = {0}, g[COUNT];
	double x_[COUNT], m_[COUNT] = {0}, v_[COUNT] = {0};
	for (int i = 0; i < COUNT; i++)
		x_[i] = x[i] = 0.3f;
	for (int step = 1; step <= 20; step++) {
		double first = 1 - pow(beta1, step), second = 1 - pow(beta2, step);
		for (int i = 0; i < COUNT; i++) {
			g[i] = normal();
			m_[i] = beta1 * m_[i] + (1 - beta1) * g[i];
			v_[i] = beta2 * v_[i] + (1 - beta2) * g[i] * g[i];
			x_[i] -= lr * (m_[i] / first) / (sqrt(v_[i] / second) + eps);
			x_[i] = fmin(fmax(x_[i], k.lo[i % 3]), k.hi[i % 3]);
		}
		k.rate = (float)(lr / first);
		k.root = (float)(1 / sqrt(second));
		CHECK_STR(fd2_cuda_engine()->adam(&k, x, g, m, v, PIXEL_COUNT, NULL), NULL);
		for (int i = 0; i < COUNT; i++) {
			CHECK_NEAR(x[i], x_[i], 2e-6);
			CHECK_NEAR(m[i], m_[i], 1e-6);
			CHECK_NEAR(v[i], v_[i], 1e-6);
		}
	}
}

static void put_kernel(void)
{
	unsigned char from[PUT_MAX], to[PUT_MAX + 1];
	for (int i = 0; i < PUT_MAX; i++)
		from[i] = (unsigned char)(7 * i);
	for (int n = 1; n <= PUT_MAX; n += 1 + n / 3) {
		memset(to, 0xaa, sizeof to);
		CHECK_STR(fd2_cuda_engine()->put(to, from, (size_t)n, NULL), NULL);
		CHECK(!memcmp(to, from, (size_t)n) && to[n] == 0xaa);
	}
	CHECK_STR(
	    fd2_cuda_engine()->put(to, from, PUT_MAX + 1, NULL), "too many numbers for one launch");
}

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

/* It loads without a GPU or a driver, and its table is whole. Calls that need neither give their
 * answer. */
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
	CHECK(e->frozen_forward && e->frozen_backward && e->distances && e->distances_gradient &&
	      e->view_forward && e->view_adjoint && e->adam && e->render && e->put);
	CHECK_STR(e->put(NULL, NULL, PUT_MAX + 1, NULL), "too many numbers for one launch");
	const struct bn_pass k = {.C = 64};
	CHECK(e->frozen_workspace(&k, 5000, 2) == fd2_cuda_engine()->frozen_workspace(&k, 5000, 2));
}

int main(void)
{
	draws = rng_at(11, RNG_TEST, 0, 0, 0);
	RUN(bf16_rounds_to_nearest);
	RUN(one_element);
	RUN(clamped_elements);
	RUN(kernels_round);
	RUN(vectors);
	RUN(grids);
	RUN(norm_kernels);
	RUN(statistics_far_from_zero);
	RUN(room_for_pools);
	RUN(pool_kernels);
	RUN(floors);
	RUN(pooled_ties);
	RUN(pooled_nan);
	RUN(distances_kernel);
	RUN(readers_are_found);
	RUN(view_kernel);
	RUN(adjoint_kernel);
	RUN(large_views);
	RUN(adam_kernel);
	RUN(put_kernel);
	if (access(plugin_path(), F_OK) == 0)
		RUN(the_plugin_loads);
	else
		puts("ok - the_plugin_loads # SKIP no plug-in is in this build");
	return check_done();
}
