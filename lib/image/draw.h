/* Pictures to look at: contact sheets and attention overlays. */
#ifndef FD2_DRAW_H
#define FD2_DRAW_H
#include "lib/image/image.h"

/* n images in a grid with `columns` columns, each fitted into cell x cell pixels, 2 px apart, on
 * white. */
void draw_sheet(struct image *out, const struct image *images, int n, int columns, int cell);
/* Overlays a map [h][w] (any non-negative range; lo..hi maps to the colour scale, below and
 * above clamp) on im, bilinearly upsampled with half-pixel centres: 0.5 image + 0.5 viridis. In
 * place. */
void draw_heatmap(struct image *im, const float *map, int w, int h, double lo, double hi);
#endif
