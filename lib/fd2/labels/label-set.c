#include "lib/fd2/labels/label-set.h"

#include "lib/base/err.h"
#include "lib/base/names.h"

static int read_meta(struct label_set *l)
{
	json_t *meta = fd2_stream_meta(l->stream), *classes;
	json_error_t e;
	const char *fit;
	int halves;
	double *m = l->normal.mean, *s = l->normal.std;
	if (stream_require(
	        l->stream, "inputs.images classes batch epochs size halves fit mean std") < 0)
		return -1;
	if (json_unpack_ex(meta, &e, 0, "{s:{s:s}, s:o, s:i, s:i, s:i, s:b, s:s, s:[FFF], s:[FFF]}",
	        "inputs", "images", &l->made_for, "classes", &classes, "batch", &l->batch, "epochs",
	        &l->epochs, "size", &l->size, "halves", &halves, "fit", &fit, "mean", &m[0], &m[1],
	        &m[2], "std", &s[0], &s[1], &s[2]))
		return fail("the labels' meta is incomplete: %s", e.text);
	if (l->batch < 1 || l->batch > 1 << 20 || l->epochs < 1 || l->size < 8 || l->size > 4096 ||
	    !(s[0] > 0 && s[1] > 0 && s[2] > 0))
		return fail("the labels' meta holds a value out of range");
	l->halves = halves;
	l->fit = fit_of(fit);
	if (l->fit == FIT_NONE)
		return fail("the labels' meta has fit '%s', expected one of " FIT_CHOICES, fit);
	if (view_options_from_meta(&l->views, meta) < 0)
		return -1;
	l->class_names = names_from_json(classes, &l->classes);
	return l->classes >= 2
	           ? 0
	           : fail("the labels name %d classes, expected at least two", l->classes);
}

int label_set_open(struct label_set *l, const char *path)
{
	*l = (struct label_set){.stream = fd2_stream_open(path, "labels")};
	return l->stream ? read_meta(l) : -1;
}

void label_set_close(struct label_set *l)
{
	if (l->stream)
		fd2_stream_close(l->stream);
	names_free(l->class_names, l->classes);
	*l = (struct label_set){0};
}

int label_set_images(const struct label_set *l, struct dataset *d, char **shards, int n)
{
	struct dataset_options o = {.fit = FIT_NONE,
	    .complete = true,
	    .known = (const char *const *)l->class_names,
	    .n_known = l->classes,
	    .known_by = "the label stream"};
	if (dataset_read(d, shards, n, &o) < 0)
		return -1;
	dataset_warn_missing(d, NULL);
	return digests_differ(l->made_for, d->digest)
	           ? fail("the labels were made for another distilled set (%.12s...) than this one "
	                  "(%.12s...)",
	                 l->made_for, d->digest)
	           : 0;
}

long label_set_batches(const struct label_set *l, int of_epoch)
{
	json_int_t all = (json_int_t)l->epochs * of_epoch, batches = all;
	if (json_unpack(fd2_stream_meta(l->stream), "{s?I}", "batches", &batches) || batches < 1 ||
	    batches > all)
		return fail("the labels' meta holds a value out of range");
	return (long)batches;
}

int label_set_end(const struct label_set *l)
{
	struct array a;
	int got = fd2_stream_next(l->stream, &a);
	if (got <= 0)
		return got;
	fail("the labels continue after epoch %d with tensor '%s'", l->epochs, a.name);
	fd2_array_free(&a);
	return -1;
}
