#include "lib/fd2/match/real.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/match/match.h"
#include "lib/fd2/select/coreset.h"

static int most_of_a_class(const struct real *r)
{
	int most = 0;
	for (int k = 0; k < r->set.n_classes; k++)
		most = real_count(r, k) > most ? real_count(r, k) : most;
	return most;
}

int real_read(struct real *r, const struct match_inputs *in, long part)
{
	struct dataset_options o = {
	    .fit = in->fit, .size = (int)in->size, .cache = in->cache, .strict = in->strict};
	if (dataset_read(&r->set, in->shards, in->n_shards, &o) < 0)
		return -1;
	if (r->set.n_classes < 2)
		return fail(
		    "the shards hold one class, '%s'; expected at least two", r->set.classes[0]);
	if (dataset_check_classes(&r->set) < 0)
		return -1;
	dataset_sort(&r->set);
	r->start = dataset_starts(&r->set);
	r->size = (int)in->size;
	r->normal = in->normal;
	r->chosen = xcalloc((size_t)most_of_a_class(r), sizeof *r->chosen);
	batch_init(&r->part, (int)part, r->size);
	return 0;
}

void real_free(struct real *r)
{
	batch_free(&r->part);
	free(r->chosen);
	free(r->start);
	dataset_free(&r->set);
}

int real_count(const struct real *r, int k)
{
	return r->start[k + 1] - r->start[k];
}

/* From places in the class to places in the set. */
static void place_in_set(struct real *r, int k, int n)
{
	r->n = n;
	for (int i = 0; i < n; i++)
		r->chosen[i] += (uint32_t)r->start[k];
}

void real_choose(struct real *r, int k, long most, struct rng *rng)
{
	int n = real_count(r, k);
	for (int i = 0; i < n; i++)
		r->chosen[i] = (uint32_t)i;
	rng_shuffle(rng, r->chosen, (uint32_t)n);
	place_in_set(r, k, most < n ? (int)most : n);
}

void real_choose_first(struct real *r, int k, int n, uint64_t seed)
{
	coreset_random(r->chosen, n, real_count(r, k), seed, k);
	place_in_set(r, k, n);
}

void real_choose_these(struct real *r, const uint32_t *places, int n)
{
	memcpy(r->chosen, places, (size_t)n * sizeof *places);
	r->n = n;
}

Tensor *real_part(struct real *r, int first)
{
	struct batch *b = &r->part;
	batch_clear(b);
	for (int i = first; i < r->n && b->n < b->cap; i++) {
		struct view v = view_center(&r->set.v[r->chosen[i]].image, r->size);
		v.image = (int32_t)r->chosen[i];
		batch_add(b, r->set.v, &v);
	}
	batch_render(b, &r->normal);
	return batch_images(b, 0, b->n, T_F32);
}
