#include "formats/shard/tree.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"

static size_t first_component(const char *name)
{
	return strcspn(name, "/");
}

static const char *last_component(const char *name)
{
	const char *slash = strrchr(name, '/');
	return slash ? slash + 1 : name;
}

/* Returns the length of the components that all names begin with, each with its slash. */
static size_t common(const struct tree_folder *v, int n)
{
	size_t at = 0;
	for (;;) {
		size_t next = at + first_component(v[0].name + at) + 1;
		for (int i = 0; i < n; i++)
			if (strncmp(v[i].name, v[0].name, next) || strlen(v[i].name) < next ||
			    v[i].name[next - 1] != '/')
				return at;
		at = next;
	}
}

enum tree_role tree_role(const char *name, size_t n)
{
	static const struct {
		const char *name;
		enum tree_role role;
	} names[] = {{"train", TREE_TRAIN}, {"training", TREE_TRAIN}, {"trn", TREE_TRAIN},
	    {"trainval", TREE_TRAIN}, {"val", TREE_VAL}, {"valid", TREE_VAL},
	    {"validation", TREE_VAL}, {"dev", TREE_VAL}, {"holdout", TREE_VAL},
	    {"held-out", TREE_VAL}, {"held_out", TREE_VAL}, {"eval", TREE_TEST},
	    {"test", TREE_TEST}, {"testing", TREE_TEST}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == n && !strncasecmp(name, names[i].name, n))
			return names[i].role;
	return TREE_NONE;
}

/* Refuses a training and a held-out set side by side. A class may be called "train": among other
 * classes with images, the name means nothing. */
static int check_splits(const struct tree_folder *v, int n, size_t skip)
{
	const struct tree_folder *train = NULL, *held_out = NULL;
	bool others = false, nested = false;
	for (int i = 0; i < n; i++) {
		const char *name = v[i].name + skip;
		enum tree_role role = tree_role(name, first_component(name));
		others |= role == TREE_NONE;
		nested |= role != TREE_NONE && name[first_component(name)];
		train = role == TREE_TRAIN ? &v[i] : train;
		held_out = role >= TREE_VAL ? &v[i] : held_out;
	}
	if (!train || !held_out || (others && !nested))
		return 0;
	return fail("'%s' has '%.*s' and '%.*s' side by side: use one of them, or make a shard of "
	            "each with 'fd2-import folder'",
	    v[0].shard, (int)(skip + first_component(train->name + skip)), train->name,
	    (int)(skip + first_component(held_out->name + skip)), held_out->name);
}

static int by_last(const void *a, const void *b)
{
	const struct tree_folder *x = *(struct tree_folder *const *)a,
	                         *y = *(struct tree_folder *const *)b;
	int order = strcmp(last_component(x->name), last_component(y->name));
	return order ? order : strcmp(x->name, y->name);
}

/* Returns whether all nested folders have the same name below their first component. */
static bool alike(const struct tree_folder *v, int n, size_t skip)
{
	const char *rest = NULL;
	for (int i = 0; i < n; i++) {
		const char *below = strchr(v[i].name + skip, '/');
		if (below && rest && strcmp(below, rest))
			return false;
		rest = below ? below : rest;
	}
	return true;
}

/* Formats "below 'cat'", or "at the top". */
static void where(char text[256], const struct tree_folder *f)
{
	int n = (int)(last_component(f->name) - f->name);
	snprintf(text, 256, n ? "below '%.*s'" : "at the top", n ? n - 1 : 0, f->name);
}

static int twice(const struct tree_folder *a, const struct tree_folder *b)
{
	char one[256], two[256];
	where(one, a);
	where(two, b);
	return fail("'%s' has '%s' %s and %s, so it is unclear which folder is the class: give one "
	            "of the two, or choose with 'fd2-import folder --class'",
	    a->shard, last_component(a->name), one, two);
}

static int check_names(struct tree_folder *v, int n, size_t skip)
{
	if (alike(v, n, skip))
		return 0;
	struct tree_folder **sorted = xcalloc((size_t)n, sizeof(*sorted));
	int err = 0;
	for (int i = 0; i < n; i++)
		sorted[i] = &v[i];
	qsort(sorted, (size_t)n, sizeof(*sorted), by_last);
	for (int i = 1; i < n && !err; i++)
		if (!strcmp(last_component(sorted[i]->name), last_component(sorted[i - 1]->name)))
			err = twice(sorted[i - 1], sorted[i]);
	free(sorted);
	return err;
}

int tree_classes(struct tree_folder *v, int n, int empty)
{
	size_t skip = n ? common(v, n) : 0;
	if (n && (check_splits(v, n, skip) < 0 || check_names(v, n, skip) < 0))
		return -1;
	for (int i = 0; i < n; i++) {
		const char *name = v[i].name + skip;
		v[i].class = xasprintf("%.*s", (int)first_component(name), name);
	}
	for (int i = n; n && i < n + empty; i++)
		if (strlen(v[i].name) > skip && !strncmp(v[i].name, v[0].name, skip) &&
		    !strchr(v[i].name + skip, '/'))
			v[i].class = xstrdup(v[i].name + skip);
	return 0;
}

static int by_folder(const void *a, const void *b)
{
	return strcmp(((const struct tree_folder *)a)->name, ((const struct tree_folder *)b)->name);
}

int tree_distinct(struct tree_folder *v, int n)
{
	int distinct = 0;
	qsort(v, (size_t)n, sizeof *v, by_folder);
	for (int i = 0; i < n; i++)
		if (distinct && !strcmp(v[distinct - 1].name, v[i].name))
			free(v[i].name);
		else
			v[distinct++] = v[i];
	return distinct;
}

struct tree_folder *tree_find(struct tree_folder *v, int n, const char *name)
{
	struct tree_folder key = {.name = (char *)name};
	return bsearch(&key, v, (size_t)n, sizeof *v, by_folder);
}

void tree_free(struct tree_folder *v, int n)
{
	for (int i = 0; i < n; i++) {
		free(v[i].name);
		free(v[i].class);
	}
	free(v);
}
