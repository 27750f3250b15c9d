/* Starts of real crops: "mosaic", two by two of them, and "real", a single one. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/fd2/distill/initial.h"

enum { PHOTOGRAPHS = 300 }; /* of a class, at most, are cut into crops */

struct patch_rule initial_rule(const struct initial *s)
{
	return (struct patch_rule){.ipc = s->ipc,
	    .factor = s->start->factor,
	    .images = PHOTOGRAPHS,
	    .crops = (int)s->config->crops,
	    .difficulty = s->config->difficulty};
}

/* Crops are scored once per class, for all of its images. */
static int score(struct initial *s, int first, int n)
{
	struct patch_rule rule = initial_rule(s);
	int err = 0;
	if (!s->patches)
		s->patches = xcalloc((size_t)s->teacher->classes, sizeof *s->patches);
	if (s->patches[first])
		return 0;
	progress_start("score", "crops", patches_scored(s->counts + first, n, &rule));
	for (int k = first; k < first + n && !err; k++) {
		s->patches[k] = xcalloc((size_t)patches_in(&rule), sizeof **s->patches);
		err = patches_choose(s->patches[k], s->teacher, &s->images, k, &rule, s->seed);
	}
	progress_end();
	return err;
}

/* factor x factor crops */
static int crops(struct initial *s, float *out, int k, int id)
{
	struct patch_rule rule = initial_rule(s);
	int S = s->teacher->size;
	struct image im = patches_mosaic(s->patches[k], &s->images, &rule, id - 1, S);
	struct view whole = view_square(&im);
	view_render(out, &im, &whole, S, &s->teacher->normal);
	image_free(&im);
	return 0;
}

const struct start start_mosaic = {
    .name = "mosaic", .photographs = 4, .factor = 2, .prepare = score, .image = crops};
const struct start start_real = {
    .name = "real", .photographs = 1, .factor = 1, .prepare = score, .image = crops};
