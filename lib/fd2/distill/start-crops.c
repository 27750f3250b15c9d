/* Starts of real crops: "mosaic", two by two of them, and "real", a single one. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/distill/initial.h"

enum { PHOTOGRAPHS = 300 }; /* of a class, at most, are cut into crops */

static int choose(struct initial *s, int k, const struct patch_rule *rule)
{
	if (!s->patches)
		s->patches = xcalloc((size_t)s->teacher->classes, sizeof *s->patches);
	if (s->patches[k])
		return 0;
	s->patches[k] = xcalloc((size_t)patches_in(rule), sizeof **s->patches);
	return patches_choose(s->patches[k], s->teacher, &s->images, k, rule, s->seed);
}

/* factor x factor crops */
static int crops(struct initial *s, float *out, int k, int id, int factor)
{
	struct patch_rule rule = {.ipc = s->ipc,
	    .factor = factor,
	    .images = PHOTOGRAPHS,
	    .crops = (int)s->config->crops,
	    .difficulty = s->config->difficulty};
	int S = s->teacher->size;
	if (choose(s, k, &rule) < 0)
		return -1;
	struct image im = patches_mosaic(s->patches[k], &s->images, &rule, id - 1, S);
	struct view whole = view_square(&im);
	view_render(out, &im, &whole, S, &s->teacher->normal);
	image_free(&im);
	return 0;
}

static int mosaic(struct initial *s, float *out, int k, int id)
{
	return crops(s, out, k, id, 2);
}

static int real(struct initial *s, float *out, int k, int id)
{
	return crops(s, out, k, id, 1);
}

const struct start start_mosaic = {.name = "mosaic", .photographs = 4, .image = mosaic};
const struct start start_real = {.name = "real", .photographs = 1, .image = real};
