/* Starts from real crops: "mosaic", two by two of them; "tiles", two by two at the scale of the
 * photographs; and "real", a single one. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/distill/initial.h"

enum { PHOTOGRAPHS = 300 }; /* most photographs of a class to cut crops from */

struct patch_rule initial_rule(const struct initial *s, const struct start_use *u)
{
	return (struct patch_rule){.ipc = u->images,
	    .factor = u->start->factor,
	    .images = PHOTOGRAPHS,
	    .crops = (int)s->config->crops,
	    .difficulty = s->config->difficulty,
	    .side = u->start->keep_scale ? patches_side(s->size, u->start->factor) : 0};
}

/* Scores crops, once per class, for all of its images. */
static int score(struct initial *s, struct start_use *u, int first, int n)
{
	struct patch_rule rule = initial_rule(s, u);
	int err = 0;
	if (!u->patches)
		u->patches = xcalloc((size_t)s->teacher->classes, sizeof *u->patches);
	if (u->patches[first])
		return 0;
	progress_start("score", "crops", patches_scored(s->counts + first, n, &rule));
	for (int k = first; k < first + n && !err && !stop_asked(); k++) {
		u->patches[k] = xcalloc((size_t)patches_in(&rule), sizeof **u->patches);
		err = patches_choose(u->patches[k], s->teacher, &s->images, k, &rule, s->seed);
	}
	progress_end();
	return err;
}

/* Renders a mosaic of factor x factor crops. */
static int crops(const struct initial *s, const struct start_use *u, float *out, int k, int nth)
{
	struct patch_rule rule = initial_rule(s, u);
	int S = s->size;
	struct image im = patches_mosaic(u->patches[k], &s->images, &rule, nth - 1, S);
	struct view whole = view_square(&im);
	view_render(out, &im, &whole, S, &s->teacher->normal);
	image_free(&im);
	return 0;
}

const struct start start_mosaic = {
    .name = "mosaic", .photographs = 4, .factor = 2, .prepare = score, .image = crops};
const struct start start_tiles = {.name = "tiles",
    .photographs = 4,
    .factor = 2,
    .keep_scale = true,
    .prepare = score,
    .image = crops};
const struct start start_real = {
    .name = "real", .photographs = 1, .factor = 1, .prepare = score, .image = crops};
