/* Pictures to look at: contact sheets and attention overlays. */
#ifndef FD2_DRAW_H
#define FD2_DRAW_H
#include "lib/image/image.h"

/* A contact sheet: groups of images, each below its name, on white. */
struct sheet_group {
	const char *name;
	const struct image *images;
	int n;
};
struct sheet {
	/* set by the caller; the groups are borrowed */
	const struct sheet_group *groups;
	int n, cell; /* each image is fitted into cell x cell pixels */
	/* set by sheet_shape */
	int columns, across; /* images per row of a group; groups side by side */
	int scale;           /* of the text */
	double w, h;         /* in pixels; may be too large */
};
/* Lays out the sheet. columns 0: as many as the largest group has images, at most 8, and as many
 * groups side by side as make the sheet about 4:3. Otherwise every group begins a row. */
void sheet_shape(struct sheet *s, int columns);
void sheet_draw(struct image *out, const struct sheet *s);
/* Overlays a non-negative map [h][w] on im, in place: 0.5 image + 0.5 viridis. Upsamples the map
 * bilinearly with half-pixel centres. lo..hi spans the colour scale; values outside are clamped. */
void draw_heatmap(struct image *im, const float *map, int w, int h, double lo, double hi);
#endif
