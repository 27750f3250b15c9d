/* Paints test pictures: soft round shapes from signed distances, shaded as if puffed up, on a
 * square float canvas. */
#ifndef FD2_CANVAS_H
#define FD2_CANVAS_H
#include "lib/image/image.h"

struct colour {
	double v[3]; /* red, green, blue; 0..1 */
};
struct colour colour_hsv(
    double hue, double saturation, double value);                     /* each 0..1; the hue wraps */
struct colour colour_mix(struct colour a, struct colour b, double t); /* t = 1: b */

struct canvas {
	int side;
	float *rgb; /* [side][side][3] */
};
struct canvas canvas_new(int side);
void canvas_free(struct canvas *c);
/* Returns the canvas as an image, box-filtered down by the whole number `times`. */
struct image canvas_shrink(const struct canvas *c, int times);

/* Maps a drawing's own coordinates to the canvas: mirrors (x -> -x), turns, scales to pixels and
 * moves them. y points down. */
struct frame {
	double x, y, scale, cos, sin;
	double mirror; /* 1 or -1 */
};
struct frame frame_at(double x, double y, double scale, double angle, bool mirrored);

/* A line from (x0, y0) to (x1, y1) with a radius that goes from r0 to r1; a disc if both ends are
 * equal. */
struct cone {
	double x0, y0, r0, x1, y1, r1;
};

struct shape {
	const struct cone *cones;
	int n;
	double blend; /* width over which neighbouring cones merge smoothly */
	double shell; /* > 0: only the outline, of that half-width */
};

struct ink {
	struct colour colour, below; /* below: for y > turn, blended over a width of `fade` */
	double turn, fade;           /* fade 0: `colour` everywhere */
	double puff;                 /* distance from the edge over which it rises; 0: flat */
	double grain;                /* strength of the texture, 0..1 */
	double stripes;              /* stripes per unit of y, like feathers; 0: none */
	double soft;                 /* width of a blurred edge; 0: sharp */
	double alpha;
	uint32_t seed;
};

struct light {
	double x, y, z; /* towards the light, unit length, on the canvas */
	double ambient, direct;
};

/* Paints a shape. Returns the bounds of the painted area in canvas pixels (at least half covered,
 * within the canvas); w = 0 if there is none. */
struct box paint(struct canvas *c, const struct frame *f, const struct shape *s,
    const struct ink *ink, const struct light *light);
/* Returns smooth noise, 0..1, of three octaves; the first has one cell per unit. */
double noise(double x, double y, uint32_t seed);
double smooth_step(double lo, double hi, double v);
#endif
