#include "lib/fd2/distill/initial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/base/rng.h"

enum { PHOTOGRAPHS = 300 }; /* of a class, at most, are cut into crops */

static struct patch_rule rule_of(const struct initial *s)
{
	return (struct patch_rule){.ipc = (int)s->job->ipc,
	    .factor = s->start == START_MOSAIC ? 2 : 1,
	    .images = PHOTOGRAPHS,
	    .crops = (int)s->job->crops,
	    .difficulty = s->job->difficulty};
}

static int from_crops(struct initial *s, float *out, int k, int id)
{
	struct patch_rule rule = rule_of(s);
	if (!s->patches[k]) {
		s->patches[k] = xcalloc((size_t)patches_in(&rule), sizeof **s->patches);
		if (patches_choose(
		        s->patches[k], s->judge, &s->images, k, &rule, (uint64_t)common.seed) < 0)
			return -1;
	}
	struct image im = patches_mosaic(s->patches[k], &s->images, &rule, id - 1, s->judge->size);
	struct view whole = view_square(&im);
	view_render(out, &im, &whole, s->judge->size, &s->judge->normal);
	image_free(&im);
	return 0;
}

/* Standard normal in normalised pixels, as SRe2L draws it. */
static void from_noise(const struct initial *s, float *out, int k, int id)
{
	struct rng r = rng_at((uint64_t)common.seed, RNG_PATCH, (uint64_t)k, (uint32_t)id, 0);
	for (int i = 0; i < 3 * s->judge->size * s->judge->size; i++)
		out[i] = (float)rng_normal(&r);
}

/* The item of class k that is called id or, id being NULL, is its nth, from 0; NULL: there is
 * none. */
static const struct item *given(const struct initial *s, int k, const char *id, int nth)
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
	return given(s, k, name, 0);
}

/* By their numbers if every number is there, otherwise in the shard's order: never a mixture, in
 * which one could come twice. */
static int from_given(const struct initial *s, float *out, int k, int id)
{
	const struct item *it = called(s, k, id);
	for (int i = 1; i <= s->job->ipc && it; i++)
		if (!called(s, k, i))
			it = NULL;
	if (!it)
		it = given(s, k, NULL, id - 1);
	struct image im = item_image(it);
	struct view square = view_square(&im);
	view_render(out, &im, &square, s->judge->size, &s->judge->normal);
	item_release(it, &im);
	return 0;
}

int initial_image(struct initial *s, float *out, int k, int id)
{
	if (s->job->init_images)
		return from_given(s, out, k, id);
	if (s->start != START_NOISE)
		return from_crops(s, out, k, id);
	from_noise(s, out, k, id);
	return 0;
}

/* Images of class k. */
static int count(const struct initial *s, int k)
{
	int n = 0;
	for (int i = 0; i < s->images.n; i++)
		n += s->images.v[i].label == k;
	return n;
}

/* Whether class k is among those that this process makes. */
static bool made(const struct initial *s, int k)
{
	return k >= s->job->classes.first && k <= s->job->classes.last;
}

static int check_given(const struct initial *s)
{
	for (int k = 0; k < s->judge->classes; k++)
		if (made(s, k) && count(s, k) < s->job->ipc)
			return fail(
			    "'%s' has %d images of class '%s', and %ld are to begin with one",
			    s->job->init_images, count(s, k), s->judge->class_names[k],
			    s->job->ipc);
	return 0;
}

static void warn_of_few(const struct initial *s)
{
	struct patch_rule rule = rule_of(s);
	int few = 0, example = 0, need = patches_in(&rule);
	for (int k = 0; k < s->judge->classes; k++)
		if (made(s, k) && count(s, k) &&
		    count(s, k) < need) { /* without any there is no image: an error, later */
			few++;
			example = k;
		}
	if (few)
		warn("class '%s'%s has fewer photographs (%d) than the %d crops that its images "
		     "begin with: some give several",
		    s->judge->class_names[example], few > 1 ? " like others" : "",
		    count(s, example), need);
}

int initial_read(
    struct initial *s, const struct distill_job *job, enum start start, const struct teacher *judge)
{
	*s = (struct initial){.job = job, .judge = judge, .start = start};
	s->patches = xcalloc((size_t)judge->classes, sizeof *s->patches);
	struct dataset_options o = {.fit = job->init_images ? FIT_NONE : judge->fit,
	    .size = judge->size,
	    .cache = job->cache,
	    .strict = job->strict || job->init_images,
	    .known = (const char *const *)judge->class_names,
	    .n_known = judge->classes,
	    .known_by = "the teacher"};
	if (job->n_shards && (job->init_images || start == START_NOISE))
		warn("'%s' is not read: images begin %s", job->shards[0],
		    job->init_images ? "as those of --init-images" : "as noise");
	if (job->init_images)
		return dataset_read(&s->images, (char *[]){(char *)job->init_images}, 1, &o) < 0
		           ? -1
		           : check_given(s);
	if (start == START_NOISE)
		return 0;
	if (!job->n_shards && isatty(STDIN_FILENO))
		return fail("nothing to begin with: name a shard of real images, or pipe one in");
	if (dataset_read(&s->images, job->shards, job->n_shards, &o) < 0)
		return -1;
	warn_of_few(s);
	return 0;
}

void initial_describe(const struct initial *s, json_t *inputs)
{
	if (s->images.n)
		json_object_set_new(inputs, s->job->init_images ? "initial" : "real",
		    json_string(s->images.digest));
}

void initial_free(struct initial *s)
{
	for (int k = 0; s->patches && k < s->judge->classes; k++)
		free(s->patches[k]);
	free(s->patches);
	dataset_free(&s->images);
}
