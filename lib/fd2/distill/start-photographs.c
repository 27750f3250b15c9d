/* Starts from whole photographs: "random" and "herding", in the orders of fd2-select; and
 * "confidence", in the order of the probability that the teacher gives their class, highest first.
 *
 * For the choice, the teacher sees photographs like held-out ones. An image starts as the part that
 * the teacher's fit keeps, resized once, as with --init-images and the output of fd2-select. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/select/coreset.h"
#include "lib/fd2/teacher/features.h"

static int at_random(uint32_t *chosen, const struct initial *s, const struct start_use *u,
    const struct item *items, int n, int k)
{
	(void)items;
	coreset_random(chosen, u->images, n, s->seed, k);
	return 0;
}

static int by_herding(uint32_t *chosen, const struct initial *s, const struct start_use *u,
    const struct item *items, int n, int k)
{
	(void)k;
	int C = features_size(s->teacher);
	float *f = xcalloc((size_t)n * C, sizeof *f);
	int err = features_of(f, s->teacher, items, n);
	if (!err)
		coreset_herding(chosen, u->images, f, n, C);
	free(f);
	return err;
}

static int by_confidence(uint32_t *chosen, const struct initial *s, const struct start_use *u,
    const struct item *items, int n, int k)
{
	float *p = xcalloc((size_t)n, sizeof *p);
	int err = confidences_of(p, s->teacher, items, n, k);
	if (!err)
		coreset_largest(chosen, u->images, p, n);
	free(p);
	return err;
}

struct photograph {
	struct item item;
	int index; /* in the data set */
};

static int by_name(const void *a, const void *b)
{
	const struct photograph *p = a, *q = b;
	return strcmp(p->item.key, q->item.key);
}

/* Returns the photographs of class k by name, so that it does not matter how the shards were
 * packed. */
static struct photograph *photographs_of(const struct initial *s, int k)
{
	struct photograph *v = xcalloc((size_t)s->counts[k] + 1, sizeof *v);
	int n = 0;
	for (int i = 0; i < s->images.n; i++)
		if (s->images.v[i].label == k)
			v[n++] = (struct photograph){s->images.v[i], i};
	qsort(v, (size_t)n, sizeof *v, by_name);
	return v;
}

/* Decodes photographs at the teacher's size into these copies of the data set's items, which have
 * them at the size of the images. The caller frees them. */
static int fit_for_teacher(const struct initial *s, struct item *items, int n)
{
	const struct fitting how = {.fit = s->teacher->fit, .size = s->teacher->size};
	for (int i = 0; i < n; i++)
		items[i].image = (struct image){0};
	for (int i = 0; i < n; i++) {
		uint8_t *jpeg = item_jpeg(&items[i]);
		int err = fit_decode(&items[i].image, jpeg, items[i].bytes, &how, NULL);
		free(jpeg);
		if (err < 0)
			return fail("cannot decode '%s': %s", items[i].key, fail_message());
	}
	return 0;
}

static int choose(const struct initial *s, struct start_use *u, int k)
{
	int n = s->counts[k];
	struct photograph *v = photographs_of(s, k);
	struct item *items = xcalloc((size_t)n + 1, sizeof *items);
	uint32_t *chosen = xcalloc((size_t)u->images, sizeof *chosen);
	for (int i = 0; i < n; i++)
		items[i] = v[i].item;
	bool other_size = s->size != s->teacher->size;
	int err = other_size ? fit_for_teacher(s, items, n) : 0;
	if (!err)
		err = u->start->choose(chosen, s, u, items, n, k);
	u->photographs[k] = xcalloc((size_t)u->images, sizeof **u->photographs);
	for (int i = 0; i < u->images; i++)
		u->photographs[k][i] = v[chosen[i]].index;
	if (other_size)
		for (int i = 0; i < n; i++)
			image_free(&items[i].image);
	free(chosen);
	free(items);
	free(v);
	return err;
}

/* Chooses photographs, once per class, for all of its images. */
static int choose_all(struct initial *s, struct start_use *u, int first, int n)
{
	long photographs = 0;
	int err = 0;
	if (!u->photographs)
		u->photographs = xcalloc((size_t)s->teacher->classes, sizeof *u->photographs);
	if (u->photographs[first])
		return 0;
	for (int k = first; k < first + n; k++)
		photographs += s->counts[k];
	progress_start("choose", "photographs", photographs);
	for (int k = first; k < first + n && !err && !stop_asked(); k++)
		err = choose(s, u, k);
	progress_end();
	return err;
}

static int photograph(
    const struct initial *s, const struct start_use *u, float *out, int k, int nth)
{
	const struct item *it = &s->images.v[u->photographs[k][nth - 1]];
	uint8_t *jpeg = item_jpeg(it);
	struct image im;
	int err = jpeg_decode(&im, jpeg, it->bytes, 0);
	free(jpeg);
	if (err < 0)
		return fail("cannot decode '%s': %s", it->key, fail_message());
	struct view seen = initial_view(s, &im);
	view_render(out, &im, &seen, s->size, &s->teacher->normal);
	image_free(&im);
	return 0;
}

#define PHOTOGRAPHS .photographs = 1, .prepare = choose_all, .image = photograph

const struct start start_random = {.name = "random", PHOTOGRAPHS, .choose = at_random};
const struct start start_herding = {.name = "herding", PHOTOGRAPHS, .choose = by_herding};
const struct start start_confidence = {.name = "confidence", PHOTOGRAPHS, .choose = by_confidence};
