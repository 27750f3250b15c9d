#include "lib/fd2/distill/initial.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"

#define ADDRESS(id) &start_##id,
static const struct start *const starts[STARTS] = {FD2_STARTS(ADDRESS)};

const struct start *start_of(enum start_id id)
{
	return starts[id];
}

/* Returns how many of the images 1 .. id of a class start as use[0] says. */
static int first_use(const struct initial *s, int id)
{
	return (int)ceil(s->share * id - 1e-9);
}

void initial_share(
    struct initial *s, double share, const struct start *start, const struct start *rest)
{
	s->share = share;
	s->use[0] = (struct start_use){.start = start, .images = first_use(s, s->ipc)};
	s->use[1] = (struct start_use){.start = rest, .images = s->ipc - s->use[0].images};
}

int initial_prepare(struct initial *s, int first, int n)
{
	int err = 0;
	for (struct start_use *u = s->use; u < s->use + 2 && !err; u++)
		if (u->images && u->start->prepare)
			err = u->start->prepare(s, u, first, n);
	return err;
}

int initial_image(const struct initial *s, float *out, int k, int id)
{
	int nth = first_use(s, id), before = first_use(s, id - 1);
	bool rest = nth == before;
	const struct start_use *u = rest ? &s->use[1] : &s->use[0];
	return u->start->image(s, u, out, k, rest ? id - nth : nth);
}

static void count(struct initial *s)
{
	s->counts = xcalloc((size_t)s->teacher->classes, sizeof *s->counts);
	for (int i = 0; i < s->images.n; i++)
		s->counts[s->images.v[i].label]++;
}

/* Returns the first of the classes to make that has fewer than `need` images; -1: none. */
static int short_class(const struct initial *s, int need)
{
	for (int k = s->first; k <= s->last; k++)
		if (s->counts[k] < need)
			return k;
	return -1;
}

static int check_given(const struct initial *s)
{
	int k = short_class(s, s->ipc);
	return k < 0
	           ? 0
	           : fail("'%s' has %s of class '%s', but --ipc needs %d", s->config->given,
	                 counted(s->counts[k], "images").text, s->teacher->class_names[k], s->ipc);
}

/* Whole photographs are not used twice; but a single one can give any number of crops. */
static int check_photographs(const struct initial *s, const struct start_use *u)
{
	int k = short_class(s, u->start->choose ? u->images : u->images > 0);
	if (k < 0)
		return 0;
	const char *name = s->teacher->class_names[k];
	return s->counts[k] == 0
	           ? fail("class '%s' has no image", name)
	           : fail("class '%s' has %d of the %d photographs that its images start as; give "
	                  "a smaller --ipc, or --init mosaic, which uses some more than once",
	                 name, s->counts[k], u->images);
}

static void warn_of_few(const struct initial *s, const struct start_use *u)
{
	const int *n = s->counts;
	int few = 0, fewest = 0, need = u->images * u->start->photographs;
	for (int k = s->first; k <= s->last; k++)
		if (n[k] < need && (!few++ || n[k] < n[fewest]))
			fewest = k;
	if (few)
		warn("%d of %d classes have fewer photographs than the %d starting crops they need "
		     "(fewest: '%s', %d); some are used more than once",
		    few, s->last - s->first + 1, need, s->teacher->class_names[fewest], n[fewest]);
}

static bool chooses(const struct initial *s)
{
	return s->use[0].start->choose || s->use[1].start->choose;
}

static int read_images(struct initial *s, char **paths, int n)
{
	bool given = s->config->given;
	struct dataset_options o = teacher_dataset(s->teacher);
	if (given)
		o.fit = FIT_NONE;
	o.size = s->size;
	o.cache = s->config->cache;
	o.jpegs = chooses(s);
	o.complete = given;
	o.strict = s->config->strict;
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
	int err = 0;
	if (!s->config->n_shards && isatty(STDIN_FILENO))
		return fail("nothing to start from: name a shard of real images, or pipe one in");
	if (read_images(s, s->config->shards, s->config->n_shards) < 0)
		return -1;
	for (struct start_use *u = s->use; u < s->use + 2 && !err; u++) {
		if (u->start->photographs)
			err = check_photographs(s, u);
		if (!err && !u->start->choose)
			warn_of_few(s, u);
	}
	return err;
}

static bool reads_photographs(const struct initial *s)
{
	bool reads = false;
	for (int i = 0; i < 2; i++)
		reads |= s->use[i].images && s->use[i].start->photographs;
	return reads;
}

static const char *first_start(const struct initial *s)
{
	return s->config->given ? "those of --init-images" : s->use[!s->use[0].images].start->name;
}

static bool scores_crops(const struct initial *s)
{
	bool scores = false;
	for (int i = 0; i < 2; i++)
		scores |= s->use[i].images && s->use[i].start->factor;
	return scores && !s->config->given;
}

/* Refuses options for crops if no image starts from crops. */
static int check_crops(const struct initial *s)
{
	static const char *const of_crops[] = {"crops", "difficulty"};
	if (scores_crops(s))
		return 0;
	for (int i = 0; i < 2; i++)
		if (opt_changed(of_crops[i]))
			return fail(
			    "--%s is for images that start from crops, and these start as %s",
			    of_crops[i], first_start(s));
	return 0;
}

int initial_read(struct initial *s)
{
	const struct initial_config *config = s->config;
	bool reads = !config->given && reads_photographs(s);
	if (check_crops(s) < 0)
		return -1;
	if (config->n_shards && !reads)
		warn("'%s' is not read: images start as %s", config->shards[0], first_start(s));
	if (config->given) {
		initial_share(s, 1, &start_given, &start_given);
		return read_given(s);
	}
	return reads ? read_photographs(s) : 0;
}

struct view initial_view(const struct initial *s, const struct image *im)
{
	bool all = s->teacher->fit == FIT_SQUASH || s->teacher->fit == FIT_WHOLE;
	return all ? view_entire(im) : view_square(im);
}

void initial_describe(const struct initial *s, json_t *inputs)
{
	if (s->images.n)
		json_object_set_new(
		    inputs, s->config->given ? "initial" : "real", json_string(s->images.digest));
}

static void free_use(struct start_use *u, int classes)
{
	for (int k = 0; k < classes; k++) {
		if (u->patches)
			free(u->patches[k]);
		if (u->photographs)
			free(u->photographs[k]);
	}
	free(u->patches);
	free(u->photographs);
}

void initial_free(struct initial *s)
{
	if (s->teacher)
		for (int i = 0; i < 2; i++)
			free_use(&s->use[i], s->teacher->classes);
	free(s->counts);
	dataset_free(&s->images);
}
