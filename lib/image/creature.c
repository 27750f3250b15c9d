#include "lib/image/creature.h"
#include "lib/image/canvas.h"
#include <math.h>

enum { SUPERSAMPLE = 3, PATTERNS = 4, COLOURS = 4 };

static const struct colour patch_colours[COLOURS] = {
    {{0.92, 0.16, 0.12}}, {{1, 0.78, 0.10}}, {{0.22, 0.55, 1}}, {{0.98, 0.98, 0.96}}};

static int pattern_of(int class)
{
	return class % PATTERNS;
}

static int colour_of(int class)
{
	return (class % PATTERNS + class / PATTERNS) % COLOURS;
}

const char *creature_class_name(int class)
{
	static const char *const names[COLOURS][PATTERNS] = {
	    {"red-spot", "red-bar", "red-ring", "red-pair"},
	    {"gold-spot", "gold-bar", "gold-ring", "gold-pair"},
	    {"blue-spot", "blue-bar", "blue-ring", "blue-pair"},
	    {"white-spot", "white-bar", "white-ring", "white-pair"},
	};

	return names[colour_of(class)][pattern_of(class)];
}

/* What all parts of a picture share. */
struct scene {
	struct canvas canvas;
	struct rng *r;
	struct frame whole, bird; /* whole: the canvas as the unit square */
	struct light light;
};

static struct box brush(
    struct scene *s, const struct frame *f, const struct cone *cones, int n, struct ink ink)
{
	struct shape shape = {cones, n, 0, 0};

	return paint(&s->canvas, f, &shape, &ink, &s->light);
}

static struct ink plain(struct colour c)
{
	return (struct ink){.colour = c, .alpha = 1};
}

static struct ink round_ink(struct colour c, double puff)
{
	return (struct ink){.colour = c, .alpha = 1, .puff = puff};
}

static struct cone disc(double x, double y, double radius)
{
	return (struct cone){x, y, radius, x, y, radius};
}

struct range {
	double lo, hi;
};

/* Draws the numbers in this order; as arguments of a call, the compiler would choose the order. */
static struct colour random_colour(
    struct rng *r, struct range hue, struct range saturation, struct range value)
{
	double h = rng_between(r, hue.lo, hue.hi);
	double s = rng_between(r, saturation.lo, saturation.hi);
	double v = rng_between(r, value.lo, value.hi);

	return colour_hsv(h, s, v);
}

static void gradient(struct scene *s)
{
	struct rng *r = s->r;
	double hue = rng_uniform(r), angle = rng_between(r, 0, 2 * M_PI);
	struct colour a = random_colour(
	    r, (struct range){hue, hue}, (struct range){0.1, 0.5}, (struct range){0.35, 0.9});
	struct colour b = random_colour(r, (struct range){hue - 0.15, hue + 0.15},
	    (struct range){0.1, 0.5}, (struct range){0.3, 0.85});
	double coarse = rng_between(r, 3, 9), strength = rng_between(r, 0.1, 0.45);
	uint32_t seed = rng_u32(r);
	int n = s->canvas.side;

	for (int i = 0; i < n * n; i++) {
		double x = (i % n + 0.5) / n - 0.5, y = (i / n + 0.5) / n - 0.5;
		struct colour c =
		    colour_mix(a, b, smooth_step(-0.6, 0.6, x * cos(angle) + y * sin(angle)));
		double tone =
		    1 + strength * (noise((x + 2) * coarse, (y + 2) * coarse, seed) - 0.5);

		for (int k = 0; k < 3; k++)
			s->canvas.rgb[i * 3 + k] = (float)(c.v[k] * tone);
	}
}

/* Paints lights out of focus. */
static void bokeh(struct scene *s)
{
	struct rng *r = s->r;

	for (int n = 5 + (int)rng_below(r, 7); n > 0; n--) {
		double x = rng_uniform(r), y = rng_uniform(r), size = rng_between(r, 0.04, 0.16);
		struct cone blob = disc(x, y, size);
		struct ink ink = plain(random_colour(
		    r, (struct range){0, 1}, (struct range){0.1, 0.6}, (struct range){0.4, 1}));

		ink.soft = size * rng_between(r, 0.2, 1);
		ink.alpha = rng_between(r, 0.15, 0.5);
		brush(s, &s->whole, &blob, 1, ink);
	}
}

/* Paints a blade of grass that grows at x from below the picture. */
static void blade(struct scene *s, double x, double length, double width)
{
	struct rng *r = s->r;
	double y = 1.03;
	double lean = rng_between(r, -0.5, 0.5) * length,
	       bend = rng_between(r, -0.15, 0.15) * length;
	double mid_x = x + lean * 0.4 + bend, mid_y = y - length * 0.55;
	struct cone halves[] = {{x, y, width, mid_x, mid_y, width * 0.7},
	    {mid_x, mid_y, width * 0.7, x + lean, y - length, width * 0.1}};
	struct colour green = random_colour(
	    r, (struct range){0.14, 0.4}, (struct range){0.3, 0.7}, (struct range){0.25, 0.75});

	brush(s, &s->whole, halves, 2, round_ink(green, width));
}

static void grass(struct scene *s)
{
	struct rng *r = s->r;

	for (int n = 6 + (int)rng_below(r, 16); n > 0; n--) {
		double x = rng_uniform(r), length = rng_between(r, 0.15, 0.5),
		       width = rng_between(r, 0.006, 0.016);

		blade(s, x, length, width);
	}
}

/* Paints berries in the patches' colours and about their size, so that colour alone does not give
 * the class. */
static void berries(struct scene *s)
{
	struct rng *r = s->r;

	for (int n = 2 + (int)rng_below(r, 5); n > 0; n--) {
		double x = rng_uniform(r), y = rng_uniform(r), size = rng_between(r, 0.018, 0.05);
		struct cone stem = {x, y - size, 0.004, x + size, y - 3 * size, 0.003};
		struct cone berry = disc(x, y, size),
		            gleam = disc(x - size / 3, y - size / 3, size / 6);

		brush(s, &s->whole, &stem, 1, plain((struct colour){{0.3, 0.25, 0.12}}));
		brush(
		    s, &s->whole, &berry, 1, round_ink(patch_colours[rng_below(r, COLOURS)], size));
		brush(s, &s->whole, &gleam, 1, plain((struct colour){{1, 1, 1}}));
	}
}

static void branch(struct scene *s)
{
	struct rng *r = s->r;
	double slope = rng_between(r, -0.12, 0.12), thick = rng_between(r, 0.05, 0.09),
	       y = 0.63 + thick;
	struct cone wood[] = {{-3, y - 3 * slope, thick * 1.2, 0, y, thick},
	    {0, y, thick, 3, y + 3 * slope, thick * 0.7}};
	struct colour brown = random_colour(
	    r, (struct range){0.04, 0.11}, (struct range){0.25, 0.55}, (struct range){0.3, 0.6});
	struct ink ink = round_ink(brown, thick);

	ink.grain = 0.7;
	ink.seed = rng_u32(r);
	brush(s, &s->bird, wood, 2, ink);
}

struct plumage {
	struct colour back, belly, wing, beak;
	double crest;
	uint32_t seed;
};

static struct plumage random_plumage(struct rng *r)
{
	double hue = rng_uniform(r), saturation = rng_between(r, 0.15, 0.6),
	       value = rng_between(r, 0.5, 0.95);
	struct plumage p = {.back = colour_hsv(hue, saturation, value)};

	p.belly = random_colour(r, (struct range){hue - 0.2, hue + 0.2}, (struct range){0.05, 0.5},
	    (struct range){0.75, 1});
	p.wing = random_colour(r, (struct range){hue - 0.06, hue + 0.06},
	    (struct range){saturation, 1.2 * saturation},
	    (struct range){0.4 * value, 0.58 * value});
	p.beak = random_colour(
	    r, (struct range){0.03, 0.14}, (struct range){0.85, 0.85}, (struct range){0.6, 1});
	p.crest = rng_between(r, 0, 0.22);
	p.seed = rng_u32(r);
	return p;
}

static void legs(struct scene *s, const struct plumage *p)
{
	struct ink ink =
	    round_ink(colour_mix(p->beak, (struct colour){{0.25, 0.18, 0.12}}, 0.5), 0.03);

	for (int i = 0; i < 2; i++) {
		double x = -0.02 + 0.17 * i;
		struct cone leg[] = {{x, 0.3, 0.03, x + 0.04, 0.6, 0.02},
		    {x + 0.04, 0.61, 0.022, x + 0.14, 0.64, 0.016},
		    {x + 0.04, 0.61, 0.022, x - 0.04, 0.64, 0.016}};

		brush(s, &s->bird, leg, 3, ink);
	}
}

static void tail(struct scene *s, const struct plumage *p)
{
	double spread = rng_between(s->r, 0.02, 0.12), lift = rng_between(s->r, -0.2, 0.15);

	for (int i = -1; i <= 1; i++) {
		struct cone feather = {-0.42, 0.02, 0.09, -1.0, lift + i * spread, 0.05};

		brush(s, &s->bird, &feather, 1,
		    round_ink(i ? p->wing : colour_mix(p->wing, p->back, 0.35), 0.06));
	}
}

static void head_and_body(struct scene *s, const struct plumage *p)
{
	struct cone beak = {0.6, -0.36, 0.075, 0.83, -0.31, 0.008};
	struct cone body = {0.12, 0.06, 0.36, -0.36, 0.02, 0.17},
	            crest = {0.36, -0.55, 0.06, 0.36 - p->crest, -0.6 - p->crest, 0.02};
	struct cone parts[] = {body, disc(0.4, -0.38, 0.25), crest};
	struct shape shape = {parts, 3, 0.16, 0};
	struct ink ink = round_ink(p->back, 0.3);

	ink.below = p->belly;
	ink.turn = rng_between(s->r, -0.15, 0.2);
	ink.fade = 0.18;
	ink.grain = 0.25;
	ink.seed = p->seed;
	brush(s, &s->bird, &beak, 1, round_ink(p->beak, 0.06));
	paint(&s->canvas, &s->bird, &shape, &ink, &s->light);
}

static void eye(struct scene *s)
{
	struct cone rim = disc(0.48, -0.42, 0.075), ball = disc(0.48, -0.42, 0.055),
	            gleam = disc(0.5, -0.44, 0.018);
	struct ink white = plain((struct colour){{0.95, 0.93, 0.88}});

	white.alpha = 0.75;
	brush(s, &s->bird, &rim, 1, white);
	brush(s, &s->bird, &ball, 1, plain((struct colour){{0.05, 0.04, 0.05}}));
	brush(s, &s->bird, &gleam, 1, plain((struct colour){{1.1, 1.1, 1.1}}));
}

static void wing(struct scene *s, const struct plumage *p)
{
	struct cone feathers[] = {{0.09, 0.01, 0.22, -0.46, 0.13, 0.05},
	    {-0.1, 0, 0.13, -0.56, 0.05, 0.04}, {-0.1, -0.04, 0.12, -0.64, -0.03, 0.03}};
	struct shape shape = {feathers, 3, 0.03, 0};
	struct ink ink = round_ink(colour_mix(p->wing, p->back, 0.15), 0.14);

	ink.below = colour_mix(p->wing, (struct colour){{0, 0, 0}}, 0.35);
	ink.turn = 0.05;
	ink.fade = 0.4;
	ink.stripes = 9;
	ink.grain = 0.2;
	ink.seed = p->seed + 10;
	paint(&s->canvas, &s->bird, &shape, &ink, &s->light);
}

/* Returns `outer` moved to (x, y) in its own coordinates, turned and scaled. */
static struct frame frame_within(
    const struct frame *outer, double x, double y, double scale, double angle)
{
	double cx = outer->scale * outer->mirror * x, cy = outer->scale * y,
	       a = outer->mirror * angle;

	return (struct frame){outer->x + outer->cos * cx - outer->sin * cy,
	    outer->y + outer->sin * cx + outer->cos * cy, outer->scale * scale,
	    outer->cos * cos(a) - outer->sin * sin(a), outer->sin * cos(a) + outer->cos * sin(a),
	    outer->mirror};
}

/* Paints the wing patch, which determines the class; returns its bounds. */
static struct box patch(struct scene *s, int class, double scale)
{
	const struct cone spot = disc(0, 0, 0.135), bar = {0, -0.13, 0.05, 0, 0.13, 0.05},
	                  ring = disc(0, 0, 0.11);
	const struct cone pair[] = {disc(-0.09, 0, 0.07), disc(0.09, 0, 0.07)};
	const struct shape shapes[PATTERNS] = {
	    {&spot, 1, 0, 0}, {&bar, 1, 0, 0}, {&ring, 1, 0, 0.035}, {pair, 2, 0, 0}};
	struct ink ink = round_ink(patch_colours[colour_of(class)], 0.03);
	double angle = rng_between(s->r, -0.2, 0.2), x = rng_between(s->r, 0.02, 0.08),
	       y = rng_between(s->r, 0, 0.04);
	struct frame f = frame_within(&s->bird, x, y, scale, angle);

	return paint(&s->canvas, &f, &shapes[pattern_of(class)], &ink, &s->light);
}

/* Paints grass in front, but not in front of the bird's middle. */
static void occluders(struct scene *s)
{
	struct rng *r = s->r;
	double centre = s->bird.x / s->canvas.side;

	for (int n = (int)rng_below(r, 4); n > 0; n--) {
		double x = rng_uniform(r), length = rng_between(r, 0.2, 0.55),
		       width = rng_between(r, 0.008, 0.02);

		if (fabs(x - centre) > 0.12 + length / 2)
			blade(s, x, length, width);
	}
}

static struct scene random_scene(struct rng *r, int side)
{
	struct scene s = {
	    .canvas = canvas_new(side), .r = r, .whole = frame_at(0, 0, side, 0, false)};
	double scale = rng_between(r, 0.34, 0.45) * side,
	       angle = rng_between(r, -25, 25) * M_PI / 180;
	double x = rng_between(r, 0.42, 0.58) * side, y = rng_between(r, 0.43, 0.57) * side;
	double towards = rng_between(r, -M_PI, 0), height = rng_between(r, 0.45, 0.8),
	       bright = rng_between(r, 0.8, 1.15);

	s.bird = frame_at(x, y, scale, angle, rng_below(r, 2) == 1);
	s.light = (struct light){cos(towards) * sqrt(1 - height * height),
	    sin(towards) * sqrt(1 - height * height), height, 0.42 * bright, 0.75 * bright};
	return s;
}

/* Adds sensor noise, in grey levels. */
static void add_noise(struct image *im, struct rng *r)
{
	double sigma = rng_between(r, 1, 4);

	for (int i = 0; i < im->w * im->h; i++) {
		double e = sigma * rng_normal(r);

		for (int k = 0; k < 3; k++)
			im->rgb[i * 3 + k] =
			    (uint8_t)fmin(fmax(im->rgb[i * 3 + k] + e + 0.5, 0), 255);
	}
}

/* Converts canvas pixels to image pixels, rounded outwards. */
static struct box shrunk(struct box b)
{
	int x = b.x / SUPERSAMPLE, y = b.y / SUPERSAMPLE;
	int x1 = (b.x + b.w + SUPERSAMPLE - 1) / SUPERSAMPLE,
	    y1 = (b.y + b.h + SUPERSAMPLE - 1) / SUPERSAMPLE;

	return (struct box){x, y, x1 - x, y1 - y};
}

void creature_draw(
    struct image *out, struct box *part, int class, int size, double part_scale, struct rng *r)
{
	struct scene s = random_scene(r, size * SUPERSAMPLE);
	struct plumage p = random_plumage(r);

	gradient(&s);
	bokeh(&s);
	grass(&s);
	berries(&s);
	branch(&s);
	tail(&s, &p);
	legs(&s, &p);
	head_and_body(&s, &p);
	eye(&s);
	wing(&s, &p);
	struct box at = patch(&s, class, part_scale);
	occluders(&s);
	*out = canvas_shrink(&s.canvas, SUPERSAMPLE);
	*part = shrunk(at);
	add_noise(out, r);
	canvas_free(&s.canvas);
}
