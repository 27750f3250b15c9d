#include "lib/fd2/match/real.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/select/coreset.h"

static int most_of_a_class(const struct real *r)
{
	int most = 0;
	for (int k = 0; k < r->set.n_classes; k++)
		most = real_count(r, k) > most ? real_count(r, k) : most;
	return most;
}

int real_read(struct real *r, const struct photograph_inputs *in, long part)
{
	if (photographs_read(&r->set, in) < 0)
		return -1;
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

int real_check(const struct real *r, int k, int ipc)
{
	return real_count(r, k) >= ipc
	           ? 0
	           : fail("class '%s' has %s, but --ipc needs %d", r->set.classes[k],
	                 counted(real_count(r, k), "images").text, ipc);
}

/* Converts the first n places from places in class k to places in the set. */
static void place_in_set(struct real *r, int k, int n)
{
	r->n = n;
	for (int i = 0; i < n; i++)
		r->chosen[i] += (uint32_t)r->start[k];
}

void real_choose(struct real *r, int k, long most, struct rng *rng)
{
	int n = real_count(r, k);
	rng_order(rng, r->chosen, (uint32_t)n);
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
	int left = r->n - first;
	return photographs_images(&r->part, &r->set, r->chosen + first,
	    left < r->part.cap ? left : r->part.cap, &r->normal);
}
