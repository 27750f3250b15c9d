#include "lib/fd2/labels/label-pool.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"

void pool_init(struct pool *p, int batch, int classes, const struct view_options *views)
{
	epoch_init(&p->read, p->images->n, batch, classes, views);
}

void pool_free(struct pool *p)
{
	for (int i = 0; i < p->n; i++)
		epoch_free(&p->v[i]);
	epoch_free(&p->read);
	free(p->v);
	free(p->places);
	free(p->order);
	*p = (struct pool){0};
}

/* Reads one more epoch. 1: done; 0: the stream has ended with as many batches as promised; -1:
 * fail_message. */
static int read_more(struct pool *p)
{
	int got = epoch_read_some(&p->read, p->labels, &p->number, p->epochs, p->images, p->size);
	if (got < 0)
		return -1;
	long batches = p->n_places + (got ? p->read.batches : 0);
	if (got ? batches > p->batches : batches != p->batches)
		return fail("the labels hold %s %ld batches, not the %ld that their meta promises",
		    got ? "at least" : "only", batches, p->batches);
	if (!got)
		return 0;
	p->v = xrealloc(p->v, (size_t)p->n + 1, sizeof *p->v);
	p->v[p->n] = epoch_copy(&p->read);
	p->places = xrealloc(p->places, (size_t)batches, sizeof *p->places);
	for (int i = 0; i < p->read.batches; i++)
		p->places[p->n_places++] = (struct pool_place){p->n, i};
	p->n++;
	p->number++;
	p->bytes += epoch_bytes(&p->read);
	return 1;
}

/* Begins another pass through the pool, in a new order. */
static void again(struct pool *p)
{
	struct rng r = rng_at(p->seed, RNG_REUSE, (uint64_t)++p->times, 0, 0);
	p->order = xrealloc(p->order, (size_t)p->n_places, sizeof *p->order);
	rng_order(&r, p->order, (uint32_t)p->n_places);
	p->at = 0;
}

static const struct pool_place *take(struct pool *p)
{
	if (p->at == p->n_places) {
		int got = p->order ? 0 : read_more(p);
		if (got < 0)
			return NULL;
		if (!got)
			again(p);
	}
	const struct pool_place *place = &p->places[p->order ? p->order[p->at] : p->at];
	p->at++;
	return place;
}

int pool_next(struct pool *p, struct epoch *e)
{
	epoch_clear(e);
	for (int i = epoch_whole_batches(e); i; i--) {
		const struct pool_place *place = take(p);
		if (!place)
			return -1;
		epoch_append(e, &p->v[place->epoch], place->batch);
	}
	return 1;
}

int pool_end(struct pool *p)
{
	return p->order || p->n_places < p->batches ? 0 : read_more(p);
}
