/* A batch on its way to a device that renders it: boxes of 8-bit pixels, what is seen of each,
 * and the arithmetic of one pixel, which lib/cuda calls. It computes what view_render and
 * mix_apply do on the CPU. */
#ifndef FD2_SHOT_H
#define FD2_SHOT_H
#include "lib/image/colour.h"
#include "lib/image/filter.h"
#include "lib/image/view.h"

/* Shots [n] lie at the start of a parcel, and their boxes behind them. The quarters are in order
 * already. */
struct shot {
	int64_t at; /* of the box's first pixel in the parcel, in bytes; [h][w][3] */
	int w, h;
	bool flip;
	struct jitter jitter;
	int with; /* the shot that it is mixed with */
};

/* What all shots have in common. */
struct look {
	int size;
	struct jitter_range range;
	float mean[3], std[3];
	struct mix mix;
};

/* Pixel (x, y) of the box resampled to size x size, in [0, 1]; image_resample's sums in its
 * order. */
INLINE void shot_pixel(
    float out[3], const uint8_t *box, const struct shot *s, int size, int x, int y)
{
	struct reach across = filter_reach(x, size, 0, s->w, 0, s->w, true),
	             down = filter_reach(y, size, 0, s->h, 0, s->h, true);
	float wide = filter_sum(&across), high = filter_sum(&down), sum[3] = {0.5f, 0.5f, 0.5f};

	for (int j = across.from; j < across.to; j++) {
		float share = filter_share(&across, j) / wide, column[3] = {0, 0, 0};

		for (int i = down.from; i < down.to; i++)
			for (int c = 0; c < 3; c++)
				column[c] += filter_share(&down, i) / high *
				             (float)box[3 * ((int64_t)i * s->w + j) + c];
		for (int c = 0; c < 3; c++)
			sum[c] += share * column[c];
	}
	for (int c = 0; c < 3; c++)
		out[c] = (float)(uint8_t)(int)sum[c] * (1 / 255.0f);
}

/* Whether pixel (x, y) is the other shot's, wholly. */
INLINE bool shot_is_cut(const struct mix *m, int x, int y)
{
	return m->kind == MIX_CUTMIX && x >= m->x0 && x < m->x1 && y >= m->y0 && y < m->y1;
}

/* Channel c of pixel (x, y) of image [size][size][3] in [0, 1], jittered already: turned and
 * normalised. */
INLINE float shot_value(
    const float *image, const struct shot *s, const struct look *l, int x, int y, int c)
{
	int u = x, v = y;
	bool inside = true;

	if (l->range.degrees > 0) {
		double angle = s->jitter.angle * 3.14159265358979323846 / 180;

		inside = turned_from(x, y, l->size, cos(angle), sin(angle), &u, &v);
	}
	return ((inside ? image[3 * ((int64_t)v * l->size + u) + c] : 0) - l->mean[c]) / l->std[c];
}
#endif
