/* The max pool after a network's first BatchNorm, one row of windows at a time, so that its input
 * and output stay in the cache. Even and odd columns are stored separately, so that one loop over
 * contiguous memory computes all windows of a row. */
#include "lib/kernels/bn-rows.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/kernels/elements.h"

struct columns {
	void *even; /* [w][C]: columns 0, 2, 4, ... */
	void *odd;  /* [1+w][C]: columns -1, 1, 3, ... */
};

struct pool_workspace {
	void *row;              /* [2w][C] */
	struct columns rows[3]; /* row r is rows[r % 3] */
	struct columns outside; /* stands for a row outside the image; never wins */
	uint8_t *nobody;        /* [C]: POOL_NONE */
	int64_t last;           /* the row of windows that `rows` holds, or -1 */
};

static int64_t element_size(const struct bn_pass *k)
{
	return k->bf16 ? 2 : 4;
}

static void *element(const struct bn_pass *k, const void *p, int64_t i)
{
	return (char *)p + i * element_size(k);
}

/* Allocates n elements of -inf, the value outside the image. */
static void *elements_new(const struct bn_pass *k, int64_t n)
{
	void *p = xcalloc((size_t)n, (size_t)element_size(k));
	for (int64_t i = 0; i < n; i++)
		store(p, i, -INFINITY, k->bf16);
	return p;
}

struct pool_workspace *pool_workspace_new(const struct bn_pass *k)
{
	struct pool_workspace *workspace = xcalloc(1, sizeof *workspace);
	int64_t C = k->C, w = pool_size(k->W);
	workspace->row = elements_new(k, 2 * w * C);
	for (int i = 0; i < 3; i++)
		workspace->rows[i] =
		    (struct columns){elements_new(k, w * C), elements_new(k, (1 + w) * C)};
	workspace->outside.even = workspace->outside.odd = elements_new(k, (1 + w) * C);
	workspace->nobody = xcalloc((size_t)C, 1);
	memset(workspace->nobody, POOL_NONE, (size_t)C);
	workspace->last = -1;
	return workspace;
}

void pool_workspace_free(struct pool_workspace *workspace)
{
	for (int i = 0; i < 3; i++) {
		free(workspace->rows[i].even);
		free(workspace->rows[i].odd);
	}
	free(workspace->outside.odd);
	free(workspace->nobody);
	free(workspace->row);
	free(workspace);
}

/* Returns k for passes over a single row of x. */
static struct bn_pass row_of(const struct bn_pass *k, int64_t row)
{
	struct bn_pass one = *k;
	one.x = element(k, k->x, row * k->W * k->C);
	one.dx = k->dx ? element(k, k->dx, row * k->W * k->C) : NULL;
	return one;
}

static void part(const struct bn_pass *k, const void *row, const struct columns *to)
{
	for (int64_t x = 0; x < k->W; x++)
		memcpy(x % 2 ? element(k, to->odd, (x / 2 + 1) * k->C)
		             : element(k, to->even, x / 2 * k->C),
		    element(k, row, x * k->C), (size_t)(k->C * element_size(k)));
}

/* Computes y and winner of a row of windows; n = w * C. */
INLINE void best_of_nine(
    const struct bn_pass *k, const struct columns rows[3], int64_t to, int64_t n, bool bf16)
{
	const void *place[9];
	for (int r = 0; r < 3; r++) {
		place[3 * r] = rows[r].odd;
		place[3 * r + 1] = rows[r].even;
		place[3 * r + 2] = element(k, rows[r].odd, k->C);
	}
	void *restrict y = k->y;
	uint8_t *restrict winner = k->winner + to;
	const float top = k->top;
	const bool clamps = top > 0;
	INDEPENDENT
	for (int64_t e = 0; e < n; e++) {
		float best = load(place[0], e, bf16);
		int32_t at = 0;
#pragma GCC unroll 8
		for (int i = 1; i < 9; i++) {
			float v = load(place[i], e, bf16);
			bool better = pool_better(v, best);
			best = better ? v : best;
			at = better ? i : at;
		}
		store(y, to + e, best, bf16);
		winner[e] = (uint8_t)(bn_passed(1, best, clamps, top) > 0 ? at : POOL_NONE);
	}
}

FAST static void pool(const struct bn_pass *k, const struct columns rows[3], int64_t to)
{
	if (k->bf16)
		best_of_nine(k, rows, to, pool_size(k->W) * k->C, true);
	else
		best_of_nine(k, rows, to, pool_size(k->W) * k->C, false);
}

void pooled_bn_forward(const struct bn_pass *k, int64_t band, struct pool_workspace *workspace,
    float *sum, float *square)
{
	int64_t h = pool_size(k->H), first = band / h * k->H, i = band % h;
	struct columns rows[3];
	for (int n = 0; n < 3; n++) {
		int64_t r = 2 * i - 1 + n;
		bool inside = r >= 0 && r < k->H, is_there = n == 0 && workspace->last == band - 1;
		rows[n] = inside ? workspace->rows[r % 3] : workspace->outside;
		if (!inside || is_there)
			continue;
		struct bn_pass one = row_of(k, first + r);
		one.y = workspace->row;
		if (sum && n > 0)
			bn_rows_forward(&one, 0, k->W, sum, square);
		else
			bn_rows_values(&one, 0, k->W);
		part(k, workspace->row, &rows[n]);
	}
	pool(k, rows, band * pool_size(k->W) * k->C);
	workspace->last = band;
}

/* A row of windows that contains a row of x, which is row `at / 3` in each window. */
struct seen {
	const void *dy;
	const uint8_t *winner;
	int at;
};

/* Computes d of columns 2j and 2j+1 from windows j and j+1 of n rows of windows, for `count`
 * elements from `first`. nobody: if not NULL, there is no window j+1. */
INLINE void share_out(const struct columns *d, const struct seen *rows, int n, int64_t first,
    int64_t count, int64_t C, const uint8_t *nobody, bool bf16)
{
	const struct seen a = rows[0], b = rows[n - 1];
	const uint8_t *restrict a_next = nobody ? nobody : a.winner + first + C;
	const uint8_t *restrict b_next = nobody ? nobody : b.winner + first + C;
	const int64_t ahead = nobody ? first : first + C;
	void *restrict even = d->even, *restrict odd = d->odd;
	INDEPENDENT
	for (int64_t e = 0; e < count; e++) {
		float dy = load(a.dy, first + e, bf16), dy_next = load(a.dy, ahead + e, bf16);
		uint8_t winner = a.winner[first + e];
		float to_even = pool_share(dy, winner == a.at + 1);
		float to_odd =
		    pool_share(dy, winner == a.at + 2) + pool_share(dy_next, a_next[e] == a.at);
		if (n == 2) {
			dy = load(b.dy, first + e, bf16);
			dy_next = load(b.dy, ahead + e, bf16);
			winner = b.winner[first + e];
			to_even += pool_share(dy, winner == b.at + 1);
			to_odd = to_odd + pool_share(dy, winner == b.at + 2) +
			         pool_share(dy_next, b_next[e] == b.at);
		}
		store(even, first + e, to_even, bf16);
		store(odd, first + e, to_odd, bf16);
	}
}

INLINE void share_row(const struct columns *d, const struct seen *rows, int n, int64_t w, int64_t C,
    const uint8_t *nobody, bool bf16)
{
	share_out(d, rows, n, 0, (w - 1) * C, C, NULL, bf16);
	share_out(d, rows, n, (w - 1) * C, C, C, nobody, bf16);
}

FAST static void unpool(const struct columns *d, const struct seen *rows, int n, int64_t w,
    int64_t C, const uint8_t *nobody, bool bf16)
{
	if (n == 2 && bf16)
		share_row(d, rows, 2, w, C, nobody, true);
	else if (n == 2)
		share_row(d, rows, 2, w, C, nobody, false);
	else if (bf16)
		share_row(d, rows, 1, w, C, nobody, true);
	else
		share_row(d, rows, 1, w, C, nobody, false);
}

static void join(const struct bn_pass *k, const struct columns *from, void *row)
{
	for (int64_t x = 0; x < k->W; x++)
		memcpy(element(k, row, x * k->C),
		    element(k, x % 2 ? from->odd : from->even, x / 2 * k->C),
		    (size_t)(k->C * element_size(k)));
}

/* Returns k for passes over row r of an image, with dy routed back to the inputs that won. It does
 * not clamp (top 0), because winners already record what passed. */
static struct bn_pass unpooled(
    const struct bn_pass *k, int64_t image, int64_t r, struct pool_workspace *workspace)
{
	const struct windows in = pool_windows(r, k->H);
	const int64_t h = pool_size(k->H), w = pool_size(k->W);
	struct bn_pass one = row_of(k, image * k->H + r);
	struct seen rows[2];
	int n = 0;
	for (int64_t i = in.first; i < in.end; i++) {
		int64_t at = (image * h + i) * w * k->C;
		rows[n++] =
		    (struct seen){element(k, k->dy, at), k->winner + at, 3 * (int)(r + 1 - 2 * i)};
	}
	unpool(&workspace->rows[0], rows, n, w, k->C, workspace->nobody, k->bf16);
	join(k, &workspace->rows[0], workspace->row);
	one.dy = workspace->row;
	one.top = 0;
	return one;
}

/* Finds the rows *first .. end-1 of *image that belong to a band. Returns end. */
static int64_t own_rows(const struct bn_pass *k, int64_t band, int64_t *image, int64_t *first)
{
	int64_t h = pool_size(k->H);
	*image = band / h;
	*first = 2 * (band % h);
	return *first + 2 < k->H ? *first + 2 : k->H;
}

void pooled_bn_gradient_sums(const struct bn_pass *k, int64_t band,
    struct pool_workspace *workspace, float *sum, float *product)
{
	int64_t image, r, end = own_rows(k, band, &image, &r);
	for (; r < end; r++) {
		struct bn_pass one = unpooled(k, image, r, workspace);
		bn_rows_gradient_sums(&one, 0, k->W, sum, product);
	}
}

void pooled_bn_backward(const struct bn_pass *k, int64_t band, struct pool_workspace *workspace)
{
	int64_t image, r, end = own_rows(k, band, &image, &r);
	for (; r < end; r++) {
		struct bn_pass one = unpooled(k, image, r, workspace);
		bn_rows_backward(&one, 0, k->W);
	}
}
