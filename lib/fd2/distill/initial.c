#include "lib/fd2/distill/initial.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"

#define ADDRESS(id) &start_##id,
static const struct start *const starts[STARTS] = {FD2_STARTS(ADDRESS)};

const struct start *start_of(enum start_id id)
{
	return starts[id];
}

int initial_prepare(struct initial *s, int first, int n)
{
	return s->start->prepare ? s->start->prepare(s, first, n) : 0;
}

int initial_image(struct initial *s, float *out, int k, int id)
{
	return s->start->image(s, out, k, id);
}

static void count(struct initial *s)
{
	s->counts = xcalloc((size_t)s->teacher->classes, sizeof *s->counts);
	for (int i = 0; i < s->images.n; i++)
		s->counts[s->images.v[i].label]++;
}

static int check_given(const struct initial *s)
{
	int k = s->first;
	while (k <= s->last && s->counts[k] >= s->ipc)
		k++;
	return k > s->last
	           ? 0
	           : fail("'%s' has %d images of class '%s', but --ipc needs %d", s->config->given,
	                 s->counts[k], s->teacher->class_names[k], s->ipc);
}

/* A class without any has no image: that is an error, later. */
static void warn_of_few(const struct initial *s)
{
	const int *n = s->counts;
	int few = 0, fewest = 0, need = s->ipc * s->start->photographs;
	for (int k = s->first; k <= s->last; k++)
		if (n[k] && n[k] < need && (!few++ || n[k] < n[fewest]))
			fewest = k;
	if (few)
		warn("%d of %d classes have fewer photographs than the %d starting crops they need "
		     "(fewest: '%s', %d); some are used more than once",
		    few, s->last - s->first + 1, need, s->teacher->class_names[fewest], n[fewest]);
}

static int read_images(struct initial *s, char **paths, int n)
{
	const struct teacher *t = s->teacher;
	bool given = s->config->given;
	struct dataset_options o = {.fit = given ? FIT_NONE : t->fit,
	    .size = t->size,
	    .cache = s->config->cache,
	    .complete = given,
	    .strict = s->config->strict,
	    .known = (const char *const *)t->class_names,
	    .n_known = t->classes,
	    .known_by = "the teacher"};
	int err = dataset_read(&s->images, paths, n, &o);
	if (!err)
		count(s);
	return err;
}

static int read_given(struct initial *s)
{
	char *path = (char *)s->config->given;
	return read_images(s, &path, 1) < 0 ? -1 : check_given(s);
}

static int read_photographs(struct initial *s)
{
	if (!s->config->n_shards && isatty(STDIN_FILENO))
		return fail("nothing to start from: name a shard of real images, or pipe one in");
	if (read_images(s, s->config->shards, s->config->n_shards) < 0)
		return -1;
	warn_of_few(s);
	return 0;
}

int initial_read(struct initial *s)
{
	const struct initial_config *config = s->config;
	bool unread = config->given || !s->start->photographs;
	if (config->n_shards && unread)
		warn("'%s' is not read: images start as %s", config->shards[0],
		    config->given ? "those of --init-images" : s->start->name);
	if (config->given) {
		s->start = &start_given;
		return read_given(s);
	}
	return unread ? 0 : read_photographs(s);
}

void initial_describe(const struct initial *s, json_t *inputs)
{
	if (s->images.n)
		json_object_set_new(
		    inputs, s->config->given ? "initial" : "real", json_string(s->images.digest));
}

void initial_free(struct initial *s)
{
	for (int k = 0; s->patches && k < s->teacher->classes; k++)
		free(s->patches[k]);
	free(s->patches);
	free(s->counts);
	dataset_free(&s->images);
}
