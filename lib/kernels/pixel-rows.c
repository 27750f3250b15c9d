#include "lib/kernels/pixel-rows.h"

#include "lib/kernels/elements.h"

void view_taps(struct tap *taps, int64_t n, int64_t start, int64_t length, bool flip, int64_t roll)
{
	for (int64_t i = 0; i < n; i++)
		taps[view_place(i, n, flip, roll)] = view_tap(i, n, start, length);
}

INLINE void across(
    float *restrict out, const float *restrict row, const struct tap *restrict columns, int64_t w)
{
	for (int64_t j = 0; j < w; j++)
		for (int c = 0; c < 3; c++)
			out[3 * j + c] = view_mix(
			    columns[j], row[3 * columns[j].a + c], row[3 * columns[j].b + c]);
}

INLINE void mix(void *restrict y, const float *restrict a, const float *restrict b, struct tap t,
    int64_t n, bool bf16)
{
	for (int64_t i = 0; i < n; i++)
		store(y, i, view_mix(t, a[i], b[i]), bf16);
}

/* Neighbouring output rows share input rows, so the last two resized rows are kept, by the parity
 * of their number. */
FAST void view_forward(const float *x, void *y, bool bf16, const struct tap *rows,
    const struct tap *columns, const struct view_sides *s, float *workspace)
{
	const int64_t h = s->h, w = s->w, W = s->W;
	int32_t kept[2] = {-1, -1};
	for (int64_t i = 0; i < h; i++) {
		const float *row[2];
		for (int side = 0; side < 2; side++) {
			int32_t at = side ? rows[i].b : rows[i].a, slot = at & 1;
			row[side] = workspace + slot * 3 * w;
			if (kept[slot] != at)
				across(workspace + slot * 3 * w, x + at * 3 * W, columns, w);
			kept[slot] = at;
		}
		if (bf16)
			mix((uint16_t *)y + i * 3 * w, row[0], row[1], rows[i], 3 * w, true);
		else
			mix((float *)y + i * 3 * w, row[0], row[1], rows[i], 3 * w, false);
	}
}

INLINE void gather(float *restrict sum, const void *restrict dy, float weight, int64_t n, bool bf16)
{
	for (int64_t i = 0; i < n; i++)
		sum[i] += weight * load(dy, i, bf16);
}

INLINE void spread(
    float *restrict row, const float *restrict sum, const struct tap *restrict columns, int64_t w)
{
	for (int64_t j = 0; j < w; j++)
		for (int c = 0; c < 3; c++) {
			row[3 * columns[j].a + c] += columns[j].wa * sum[3 * j + c];
			row[3 * columns[j].b + c] += columns[j].wb * sum[3 * j + c];
		}
}

/* For each input row, sums the output rows that read it, then spreads the sum's pixels over the
 * input pixels that they were made of. */
FAST void view_adjoint(const void *dy, float *dx, bool bf16, const struct tap *rows,
    const struct tap *columns, const struct view_sides *s, float *workspace)
{
	const int64_t h = s->h, w = s->w, H = s->H, W = s->W;
	memset(dx, 0, (size_t)(H * W * 3) * sizeof *dx);
	for (int32_t r = 0; r < H; r++) {
		bool read = false;
		for (int64_t i = 0; i < h; i++) {
			float weight = view_weight(rows[i], r);
			if (rows[i].a != r && rows[i].b != r)
				continue;
			if (!read)
				memset(workspace, 0, (size_t)(3 * w) * sizeof *workspace);
			read = true;
			if (bf16)
				gather(workspace, (const uint16_t *)dy + i * 3 * w, weight, 3 * w,
				    true);
			else
				gather(
				    workspace, (const float *)dy + i * 3 * w, weight, 3 * w, false);
		}
		if (read)
			spread(dx + r * 3 * W, workspace, columns, w);
	}
}

/* Elements per run: a multiple of the vector length and of the three channels. */
enum { RUN = 48 };

FAST void adam_rows(const struct adam *k, float *restrict x, const float *restrict g,
    float *restrict m, float *restrict v, int64_t count)
{
	const struct adam a = *k;
	float lo[RUN], hi[RUN];
	for (int i = 0; i < RUN; i++) {
		lo[i] = a.lo[i % 3];
		hi[i] = a.hi[i % 3];
	}
	for (int64_t at = 0, end = 3 * count; at < end; at += RUN)
		for (int64_t i = at, to = at + RUN < end ? at + RUN : end; i < to; i++) {
			float moved = adam_move(
			    a.beta1, a.beta2, a.eps, a.rate, a.root, x[i], g[i], m + i, v + i);
			x[i] = within(moved, lo[i - at], hi[i - at]);
		}
}
