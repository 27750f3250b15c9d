#include "lib/data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/names.h"

void dataset_free(struct dataset *d)
{
	for (int i = 0; i < d->n; i++) {
		free(d->v[i].key);
		image_free(&d->v[i].image);
		free(d->v[i].soft);
	}
	names_free(d->classes, d->n_classes);
	free(d->v);
	json_decref(d->meta);
	store_free(d->store);
	*d = (struct dataset){0};
}

int dataset_empty_classes(const struct dataset *d, const char **first)
{
	bool *has = xcalloc((size_t)d->n_classes, sizeof *has);
	int empty = 0;
	for (int i = 0; i < d->n; i++)
		has[d->v[i].label] = true;
	for (int k = d->n_classes; k-- > 0;)
		if (!has[k]) {
			*first = d->classes[k];
			empty++;
		}
	free(has);
	return empty;
}

int dataset_check_classes(const struct dataset *d)
{
	const char *first, *hint = d->numbered ? " (are the numbers counted from 1?)" : "";
	int n = dataset_empty_classes(d, &first);
	return n == 0   ? 0
	       : n == 1 ? fail("class '%s' has no image%s", first, hint)
	                : fail("%d of %d classes have no image, '%s' is one%s", n, d->n_classes,
	                      first, hint);
}

void dataset_warn_missing(const struct dataset *d, const char *name)
{
	const char *first;
	int n = d->n ? dataset_empty_classes(d, &first) : 0;
	if (n)
		warn("no image of %d of the %d classes ('%s'%s)%s%s: is a shard missing?", n,
		    d->n_classes, first, n > 1 ? " ..." : "", name ? " in " : "", name ? name : "");
}

static int by_class_and_key(const void *a, const void *b)
{
	const struct item *p = a, *q = b;
	return p->label != q->label ? p->label - q->label : strcmp(p->key, q->key);
}

static int by_content(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

int dataset_warn_shared(
    const struct dataset *trained, const struct dataset *held_out, const char *name)
{
	uint64_t *known = xcalloc((size_t)trained->n, sizeof *known);
	const char *first = NULL;
	int shared = 0;
	for (int i = 0; i < trained->n; i++)
		known[i] = trained->v[i].content;
	if (trained->n)
		qsort(known, (size_t)trained->n, sizeof *known, by_content);
	for (int i = 0; i < held_out->n && trained->n; i++)
		if (bsearch(&held_out->v[i].content, known, (size_t)trained->n, sizeof *known,
		        by_content)) {
			first = first ? first : held_out->v[i].key;
			shared++;
		}
	if (shared)
		warn("%d of the %d images of %s are training images too (the first is '%s'): its "
		     "accuracy is not that of held-out images",
		    shared, held_out->n, name, first);
	free(known);
	return shared;
}

void dataset_sort(struct dataset *d)
{
	qsort(d->v, (size_t)d->n, sizeof *d->v, by_class_and_key);
}

int *dataset_starts(const struct dataset *d)
{
	int *start = xcalloc((size_t)d->n_classes + 1, sizeof *start);
	for (int i = 0; i < d->n; i++)
		start[d->v[i].label + 1]++;
	for (int k = 0; k < d->n_classes; k++)
		start[k + 1] += start[k];
	return start;
}
