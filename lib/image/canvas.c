#include "lib/image/canvas.h"
#include "lib/base/err.h"
#include <math.h>
#include <stdlib.h>

struct colour colour_hsv(double hue, double saturation, double value)
{
	struct colour c;

	for (int k = 0; k < 3; k++) {
		double t = fmod(hue + 1 - k / 3.0, 1) * 6;

		c.v[k] = value * (1 - saturation * (1 - fmin(fmax(fabs(t - 3) - 1, 0), 1)));
	}
	return c;
}

struct colour colour_mix(struct colour a, struct colour b, double t)
{
	for (int k = 0; k < 3; k++)
		a.v[k] += (b.v[k] - a.v[k]) * t;
	return a;
}

struct canvas canvas_new(int side)
{
	return (struct canvas){side, xcalloc((size_t)side * (size_t)side, 3 * sizeof(float))};
}

void canvas_free(struct canvas *c)
{
	free(c->rgb);
	*c = (struct canvas){0};
}

struct image canvas_shrink(const struct canvas *c, int times)
{
	int n = c->side / times;
	struct image im = image_new(n, n);

	for (int i = 0; i < n * n * 3; i++) {
		int y = i / (n * 3), x = i / 3 % n, k = i % 3;
		double sum = 0;

		for (int v = 0; v < times; v++)
			for (int u = 0; u < times; u++)
				sum += c->rgb[((y * times + v) * c->side + x * times + u) * 3 + k];
		im.rgb[i] = (uint8_t)(fmin(fmax(sum / (times * times), 0), 1) * 255 + 0.5);
	}
	return im;
}

struct frame frame_at(double x, double y, double scale, double angle, bool mirrored)
{
	return (struct frame){x, y, scale, cos(angle), sin(angle), mirrored ? -1 : 1};
}

double smooth_step(double lo, double hi, double v)
{
	double t = fmin(fmax((v - lo) / (hi - lo), 0), 1);

	return t * t * (3 - 2 * t);
}

static double lattice(int x, int y, uint32_t seed)
{
	uint32_t h = (uint32_t)x * 0x9e3779b1u ^ (uint32_t)y * 0x85ebca77u ^ seed;

	h = (h ^ h >> 15) * 0x2c1b3c6du;
	h = (h ^ h >> 12) * 0x297a2d39u;
	return (h ^ h >> 15) / 4294967296.0;
}

static double noise_octave(double x, double y, uint32_t seed)
{
	int ix = (int)floor(x), iy = (int)floor(y);
	double tx = smooth_step(0, 1, x - ix), ty = smooth_step(0, 1, y - iy);
	double top = lattice(ix, iy, seed) * (1 - tx) + lattice(ix + 1, iy, seed) * tx;
	double bottom = lattice(ix, iy + 1, seed) * (1 - tx) + lattice(ix + 1, iy + 1, seed) * tx;

	return top * (1 - ty) + bottom * ty;
}

double noise(double x, double y, uint32_t seed)
{
	return (4 * noise_octave(x, y, seed) + 2 * noise_octave(2 * x, 2 * y, seed + 1) +
	           noise_octave(4 * x, 4 * y, seed + 2)) /
	       7;
}

static double norm(double x, double y)
{
	return sqrt(x * x + y * y);
}

static double cone_distance(const struct cone *c, double x, double y)
{
	double dx = c->x1 - c->x0, dy = c->y1 - c->y0, length = dx * dx + dy * dy;
	double t =
	    length > 0 ? fmin(fmax(((x - c->x0) * dx + (y - c->y0) * dy) / length, 0), 1) : 0;

	return norm(x - c->x0 - t * dx, y - c->y0 - t * dy) - (c->r0 + t * (c->r1 - c->r0));
}

/* Returns the signed distance to a shape's edge, negative inside. */
static double distance(const struct shape *s, double x, double y)
{
	double d = cone_distance(&s->cones[0], x, y);

	for (int i = 1; i < s->n; i++) {
		double e = cone_distance(&s->cones[i], x, y);
		double gap = s->blend > 0 ? fmax(s->blend - fabs(d - e), 0) / s->blend : 0;

		d = fmin(d, e) - gap * gap * s->blend / 4;
	}
	return s->shell > 0 ? fabs(d) - s->shell : d;
}

/* Returns the canvas pixels that the shape can touch. */
static struct box reach(
    const struct canvas *c, const struct frame *f, const struct shape *s, double margin)
{
	double lo[2] = {c->side, c->side}, hi[2] = {0, 0};

	for (int i = 0; i < 2 * s->n; i++) {
		const struct cone *k = &s->cones[i / 2];
		double x = f->mirror * (i % 2 ? k->x1 : k->x0), y = i % 2 ? k->y1 : k->y0;
		double r = ((i % 2 ? k->r1 : k->r0) + s->shell + s->blend + margin) * f->scale + 1;
		double at[2] = {f->x + f->scale * (f->cos * x - f->sin * y),
		    f->y + f->scale * (f->sin * x + f->cos * y)};

		for (int a = 0; a < 2; a++) {
			lo[a] = fmin(lo[a], fmax(floor(at[a] - r), 0));
			hi[a] = fmax(hi[a], fmin(ceil(at[a] + r), c->side));
		}
	}
	return (struct box){
	    (int)lo[0], (int)lo[1], (int)fmax(hi[0] - lo[0], 0), (int)fmax(hi[1] - lo[1], 0)};
}

/* Returns the brightness of a puffed surface at (x, y), `depth` inside the edge; the light is in
 * the frame's own directions. */
static double shade(const struct shape *s, const struct ink *ink, const struct light *l, double x,
    double y, double depth)
{
	const double e = 1e-3;
	double nx = distance(s, x + e, y) - distance(s, x - e, y),
	       ny = distance(s, x, y + e) - distance(s, x, y - e);
	double length = fmax(norm(nx, ny), 1e-9);
	double tilt = 1 - fmin(fmax(depth / ink->puff, 0), 1), up = sqrt(1 - tilt * tilt);

	return l->ambient +
	       l->direct * fmax((nx * l->x + ny * l->y) / length * tilt + l->z * up, 0);
}

static struct colour ink_at(const struct ink *ink, double x, double y)
{
	struct colour c = ink->colour;
	double tone = 1;

	if (ink->fade > 0)
		c = colour_mix(c, ink->below,
		    smooth_step(ink->turn - ink->fade / 2, ink->turn + ink->fade / 2, y));
	if (ink->grain > 0)
		tone += ink->grain * (noise(x * 14, y * 22, ink->seed) - 0.5);
	if (ink->stripes > 0)
		tone -= 0.35 *
		        smooth_step(0.6, 1,
		            fabs(1 - 2 * fmod(fabs(y * ink->stripes + 0.25 * x * ink->stripes) + 10,
		                             1)));
	for (int k = 0; k < 3; k++)
		c.v[k] *= tone;
	return c;
}

static void grow(struct box *b, int x, int y)
{
	int x1 = b->w ? b->x + b->w : x, y1 = b->w ? b->y + b->h : y;

	b->x = b->w && b->x < x ? b->x : x;
	b->y = b->w && b->y < y ? b->y : y;
	b->w = (x1 > x + 1 ? x1 : x + 1) - b->x;
	b->h = (y1 > y + 1 ? y1 : y + 1) - b->y;
}

/* Returns the light in the frame's own directions. */
static struct light turned(const struct light *l, const struct frame *f)
{
	struct light t = *l;

	t.x = f->mirror * (f->cos * l->x + f->sin * l->y);
	t.y = -f->sin * l->x + f->cos * l->y;
	return t;
}

struct box paint(struct canvas *c, const struct frame *f, const struct shape *s,
    const struct ink *ink, const struct light *light)
{
	struct light l = turned(light, f);
	struct box area = reach(c, f, s, ink->soft), painted = {0};
	double edge = fmax(ink->soft, 1 / f->scale);

	for (int py = area.y; py < area.y + area.h; py++)
		for (int px = area.x; px < area.x + area.w; px++) {
			double dx = (px + 0.5 - f->x) / f->scale, dy = (py + 0.5 - f->y) / f->scale;
			double x = f->mirror * (f->cos * dx + f->sin * dy),
			       y = f->cos * dy - f->sin * dx;
			double d = distance(s, x, y),
			       cover = 1 - smooth_step(-edge / 2, edge / 2, d);

			if (cover <= 0)
				continue;
			if (cover >= 0.5)
				grow(&painted, px, py);
			struct colour ink_here = ink_at(ink, x, y);
			double bright = ink->puff > 0 ? shade(s, ink, &l, x, y, -d)
			                              : l.ambient + l.direct * l.z;
			float *to = c->rgb + (py * c->side + px) * 3;

			for (int k = 0; k < 3; k++)
				to[k] +=
				    (float)(cover * ink->alpha * (ink_here.v[k] * bright - to[k]));
		}
	return painted;
}
