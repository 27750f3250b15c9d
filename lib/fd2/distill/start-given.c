/* The start from images that were given with --init-images. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/distill/history.h"
#include "lib/fd2/distill/initial.h"

/* Returns the indices in the data set of the first images of class k: by their numbers if there are
 * all of them, otherwise in the shard's order. It never mixes the two, or an image could come
 * twice. */
static int *places_of(const struct initial *s, int k, int images)
{
	int *numbered = xcalloc((size_t)images, sizeof *numbered),
	    *in_order = xcalloc((size_t)images, sizeof *in_order), numbers = 0, n = 0;
	for (int i = 0; i < images; i++)
		numbered[i] = -1;
	for (int i = 0; i < s->images.n; i++) {
		const struct item *it = &s->images.v[i];
		int number = it->label == k ? image_number(it->key) : 0;
		if (number >= 1 && number <= images && numbered[number - 1] < 0) {
			numbered[number - 1] = i;
			numbers++;
		}
		if (it->label == k && n < images)
			in_order[n++] = i;
	}
	free(numbers == images ? in_order : numbered);
	return numbers == images ? numbered : in_order;
}

static int find(struct initial *s, struct start_use *u, int first, int n)
{
	if (!u->photographs)
		u->photographs = xcalloc((size_t)s->teacher->classes, sizeof *u->photographs);
	for (int k = first; k < first + n; k++)
		if (!u->photographs[k])
			u->photographs[k] = places_of(s, k, u->images);
	return 0;
}

static int given(const struct initial *s, const struct start_use *u, float *out, int k, int nth)
{
	const struct item *it = &s->images.v[u->photographs[k][nth - 1]];
	struct image im = item_image(it);
	struct view seen = initial_view(s, &im);
	view_render(out, &im, &seen, s->size, &s->teacher->normal);
	item_release(it, &im);
	return 0;
}

const struct start start_given = {.prepare = find, .image = given};
