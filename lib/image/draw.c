#include "lib/image/draw.h"
#include "lib/base/err.h"
#include "lib/image/text.h"
#include <math.h>
#include <string.h>

/* A caption of 8 pixels is legible below cells of up to 200. */
enum { GAP = 2, COLUMNS_MAX = 8, CELL_PER_SCALE = 100 };

/* Copies `im`, scaled to fit and centred, into the square cell at (x, y). */
static void paste_fitted(struct image *sheet, const struct image *im, int x, int y, int cell)
{
	double scale = fmin((double)cell / im->w, (double)cell / im->h);
	int w = (int)fmax(1, lrint(im->w * scale)), h = (int)fmax(1, lrint(im->h * scale));
	struct image fitted;

	image_resample(&fitted, im, 0, 0, im->w, im->h, w, h, true);
	x += (cell - w) / 2;
	y += (cell - h) / 2;
	for (int i = 0; i < h; i++)
		memcpy(sheet->rgb + ((size_t)(y + i) * (size_t)sheet->w + (size_t)x) * 3,
		    fitted.rgb + (size_t)i * (size_t)w * 3, (size_t)w * 3);
	image_free(&fitted);
}

enum { GAP_BETWEEN = 12, ABOVE = 3 }; /* pixels between groups, and around a caption */

static int rows_of(const struct sheet *s, int i)
{
	return (s->groups[i].n + s->columns - 1) / s->columns;
}

static int caption(const struct sheet *s)
{
	return TEXT_HEIGHT * s->scale + 2 * ABOVE;
}

static int width_of_group(const struct sheet *s)
{
	return s->columns * (s->cell + GAP) - GAP;
}

/* Returns the height of the row of groups that begins with group i. */
static int height_of_row(const struct sheet *s, int i)
{
	int rows = 0;
	for (int k = i; k < s->n && k < i + s->across; k++)
		rows = rows_of(s, k) > rows ? rows_of(s, k) : rows;
	return caption(s) + rows * (s->cell + GAP);
}

static void measure(struct sheet *s)
{
	int across = s->n < s->across ? s->n : s->across;
	s->w = (double)across * (width_of_group(s) + GAP_BETWEEN) - GAP_BETWEEN;
	s->h = 0;
	for (int i = 0; i < s->n; i += s->across)
		s->h += height_of_row(s, i);
}

void sheet_shape(struct sheet *s, int columns)
{
	const double wide = log(4 / 3.0);
	double best = INFINITY;
	int most = 1, chosen = 1;
	for (int i = 0; i < s->n; i++)
		most = s->groups[i].n > most ? s->groups[i].n : most;
	s->scale = s->cell < 2 * CELL_PER_SCALE ? 1 : s->cell / CELL_PER_SCALE;
	s->columns = columns ? columns : most < COLUMNS_MAX ? most : COLUMNS_MAX;
	for (s->across = 1; s->across <= s->n && !columns; s->across++) {
		measure(s);
		double off = fabs(log(s->w / s->h) - wide);
		if (off < best) {
			best = off;
			chosen = s->across;
		}
	}
	s->across = chosen;
	measure(s);
}

static void draw_group(struct image *out, const struct sheet *s, int i, int x, int y)
{
	const struct sheet_group *g = &s->groups[i];
	int step = s->cell + GAP;
	draw_text(out, x, y + ABOVE, width_of_group(s), s->scale, g->name);
	for (int k = 0; k < g->n; k++)
		paste_fitted(out, &g->images[k], x + k % s->columns * step,
		    y + caption(s) + k / s->columns * step, s->cell);
}

void sheet_draw(struct image *out, const struct sheet *s)
{
	int y = 0;
	*out = image_new((int)s->w, (int)s->h);
	memset(out->rgb, 255, (size_t)out->w * (size_t)out->h * 3);
	for (int i = 0; i < s->n; i++) {
		int column = i % s->across;
		if (i && !column)
			y += height_of_row(s, i - s->across);
		draw_group(out, s, i, column * (width_of_group(s) + GAP_BETWEEN), y);
	}
}

/* matplotlib's viridis at 33 equally spaced points. */
static const uint8_t viridis[33][3] = {{68, 1, 84}, {71, 13, 96}, {72, 24, 106}, {72, 35, 116},
    {71, 45, 123}, {69, 54, 129}, {66, 64, 134}, {63, 73, 137}, {59, 82, 139}, {55, 90, 141},
    {51, 99, 141}, {47, 106, 142}, {44, 114, 142}, {41, 122, 142}, {38, 129, 142}, {35, 137, 142},
    {33, 144, 140}, {31, 152, 139}, {31, 159, 136}, {33, 166, 133}, {40, 174, 128}, {49, 181, 123},
    {62, 188, 116}, {76, 194, 108}, {93, 201, 99}, {110, 206, 88}, {130, 211, 76}, {150, 216, 63},
    {171, 220, 50}, {192, 223, 36}, {213, 226, 26}, {234, 229, 26}, {253, 231, 37}};

/* Blends the colour of v in [0, 1] over a pixel. */
static void blend_colour(uint8_t *rgb, double v)
{
	int at = (int)fmin(31, v * 32);
	double t = v * 32 - at;

	for (int c = 0; c < 3; c++) {
		double colour = (1 - t) * viridis[at][c] + t * viridis[at + 1][c];

		rgb[c] = (uint8_t)(0.5 * rgb[c] + 0.5 * colour + 0.5);
	}
}

/* Finds where output i of `size` falls in a row of n samples: between *lo and *hi. Returns the
 * weight of *hi. */
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
