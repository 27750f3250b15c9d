/* The start of --init-images: images that were given. */
#include <stdio.h>
#include <string.h>

#include "lib/fd2/distill/initial.h"

/* The item of class k that is called id or, id being NULL, is its nth, from 0; NULL: there is
 * none. */
static const struct item *find(const struct initial *s, int k, const char *id, int nth)
{
	for (int i = 0; i < s->images.n; i++) {
		const struct item *it = &s->images.v[i];
		const char *slash = strrchr(it->key, '/');
		if (it->label == k && (id ? slash && !strcmp(slash + 1, id) : !nth--))
			return it;
	}
	return NULL;
}

static const struct item *called(const struct initial *s, int k, int id)
{
	char name[16];
	snprintf(name, sizeof name, "%04d", id);
	return find(s, k, name, 0);
}

/* By their numbers if every number is there, otherwise in the shard's order: never a mixture, in
 * which one could come twice. */
static int given(const struct initial *s, const struct start_use *u, float *out, int k, int nth)
{
	int S = s->size;
	const struct item *it = called(s, k, nth);
	for (int i = 1; i <= u->images && it; i++)
		if (!called(s, k, i))
			it = NULL;
	if (!it)
		it = find(s, k, NULL, nth - 1);
	struct image im = item_image(it);
	struct view seen = initial_view(s, &im);
	view_render(out, &im, &seen, S, &s->teacher->normal);
	item_release(it, &im);
	return 0;
}

const struct start start_given = {.image = given};
