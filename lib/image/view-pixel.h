/* Renders a batch of views on a GPU: the data sent to it, and the arithmetic of one pixel, which
 * the kernels of lib/cuda call. The pixels equal those of view_render and mix_apply. */
#ifndef FD2_VIEW_PIXEL_H
#define FD2_VIEW_PIXEL_H
#include "lib/image/colour.h"
#include "lib/image/filter.h"
#include "lib/image/view.h"

/* A staging buffer holds n views; then, for each view, the offset of its box's pixels, as int64_t
 * in bytes from the start of the buffer; then these pixels, [h][w][3] of 8 bits, with the image's
 * quarters already reordered. */

/* Computes pixel (x, y) of the box [h][w][3] resampled to size x size, in [0, 1], with the same
 * sums in the same order as image_resample. */
INLINE void view_pixel(
    float out[3], const uint8_t *pixels, const struct box *box, int size, int x, int y)
{
	struct reach across = filter_reach(x, size, 0, box->w, 0, box->w, true),
	             down = filter_reach(y, size, 0, box->h, 0, box->h, true);
	float wide = filter_sum(&across), high = filter_sum(&down), sum[3] = {0.5f, 0.5f, 0.5f};

	for (int j = across.from; j < across.to; j++) {
		float share = filter_share(&across, j) / wide, column[3] = {0, 0, 0};

		for (int i = down.from; i < down.to; i++)
			for (int c = 0; c < 3; c++)
				column[c] += filter_share(&down, i) / high *
				             (float)pixels[3 * ((int64_t)i * box->w + j) + c];
		for (int c = 0; c < 3; c++)
			sum[c] += share * column[c];
	}
	for (int c = 0; c < 3; c++)
		out[c] = (float)(uint8_t)(int)sum[c] * (1 / 255.0f);
}

/* Returns whether CutMix takes pixel (x, y) from the other view. */
INLINE bool mix_is_cut(const struct mix *m, int x, int y)
{
	return m->kind == MIX_CUTMIX && x >= m->x0 && x < m->x1 && y >= m->y0 && y < m->y1;
}

/* Returns channel c of pixel (x, y), rotated and normalised, of a view [size][size][3] in [0, 1]
 * whose colours are jittered. */
INLINE float view_value(
    const float *rgb, const struct view *v, const struct rendering *how, int x, int y, int c)
{
	int from_x = x, from_y = y;
	bool inside = true;

	if (v->jitter.angle != 0) {
		double angle = v->jitter.angle * 3.14159265358979323846 / 180;

		inside = turned_from(x, y, how->size, cos(angle), sin(angle), &from_x, &from_y);
	}
	return ((inside ? rgb[3 * ((int64_t)from_y * how->size + from_x) + c] : 0) -
	           (float)how->normal.mean[c]) /
	       (float)how->normal.std[c];
}
#endif
