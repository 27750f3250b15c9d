#include "lib/image/draw.h"
#include "lib/base/err.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2 };

/* Copies `im`, scaled to fit and centred, into the square cell at (x, y). */
static void paste_fitted(struct image *sheet, const struct image *im, int x, int y, int cell)
{
	double scale = fmin((double)cell / im->w, (double)cell / im->h);
	int w = (int)fmax(1, lrint(im->w * scale)), h = (int)fmax(1, lrint(im->h * scale));
	struct image fitted;

	image_resample(&fitted, im, 0, 0, im->w, im->h, w, h, 1);
	x += (cell - w) / 2;
	y += (cell - h) / 2;
	for (int i = 0; i < h; i++)
		memcpy(sheet->rgb + ((size_t)(y + i) * (size_t)sheet->w + (size_t)x) * 3,
		    fitted.rgb + (size_t)i * (size_t)w * 3, (size_t)w * 3);
	image_free(&fitted);
}

void draw_sheet(struct image *out, const struct image *images, int n, int columns, int cell)
{
	int rows = n > 0 ? (n + columns - 1) / columns : 1;
	int step = cell + GAP;

	*out = image_new(columns * step - GAP, rows * step - GAP);
	memset(out->rgb, 255, (size_t)out->w * (size_t)out->h * 3);
	for (int i = 0; i < n; i++)
		paste_fitted(out, &images[i], i % columns * step, i / columns * step, cell);
}

/* matplotlib's viridis at 33 equally spaced points. */
static const uint8_t viridis[33][3] = {{68, 1, 84}, {71, 13, 96}, {72, 24, 106}, {72, 35, 116},
    {71, 45, 123}, {69, 54, 129}, {66, 64, 134}, {63, 73, 137}, {59, 82, 139}, {55, 90, 141},
    {51, 99, 141}, {47, 106, 142}, {44, 114, 142}, {41, 122, 142}, {38, 129, 142}, {35, 137, 142},
    {33, 144, 140}, {31, 152, 139}, {31, 159, 136}, {33, 166, 133}, {40, 174, 128}, {49, 181, 123},
    {62, 188, 116}, {76, 194, 108}, {93, 201, 99}, {110, 206, 88}, {130, 211, 76}, {150, 216, 63},
    {171, 220, 50}, {192, 223, 36}, {213, 226, 26}, {234, 229, 26}, {253, 231, 37}};

/* v in [0, 1]. */
static void blend_colour(uint8_t *rgb, double v)
{
	int at = (int)fmin(31, v * 32);
	double t = v * 32 - at;

	for (int c = 0; c < 3; c++) {
		double colour = (1 - t) * viridis[at][c] + t * viridis[at + 1][c];

		rgb[c] = (uint8_t)(0.5 * rgb[c] + 0.5 * colour + 0.5);
	}
}

/* Where output i of `size` falls in a row of n samples: between samples *lo and *hi; returns the
 * weight of the latter. */
static double between(int i, int size, int n, int *lo, int *hi)
{
	double v = fmin(fmax((i + 0.5) * n / size - 0.5, 0), n - 1);

	*lo = (int)v;
	*hi = *lo + 1 < n ? *lo + 1 : *lo;
	return v - *lo;
}

void draw_heatmap(struct image *im, const float *map, int w, int h, double lo, double hi)
{
	double scale = hi > lo ? 1 / (hi - lo) : 0;

	for (int y = 0; y < im->h; y++) {
		int y0, y1;
		double ty = between(y, im->h, h, &y0, &y1);

		for (int x = 0; x < im->w; x++) {
			int x0, x1;
			double tx = between(x, im->w, w, &x0, &x1);
			double top = (1 - tx) * map[y0 * w + x0] + tx * map[y0 * w + x1];
			double bottom = (1 - tx) * map[y1 * w + x0] + tx * map[y1 * w + x1];
			double v = (((1 - ty) * top + ty * bottom) - lo) * scale;

			/* fmax also turns a NaN into 0. */
			blend_colour(im->rgb + ((size_t)y * (size_t)im->w + (size_t)x) * 3,
			    fmin(fmax(v, 0), 1));
		}
	}
}
