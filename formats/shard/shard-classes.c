#include "formats/shard/shard-classes.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "formats/shard/member-name.h"
#include "formats/shard/tree.h"
#include "lib/base/err.h"
#include "lib/base/names.h"

/* A folder and, if its samples have a .cls, their common number. */
struct folder {
	long cls; /* -1: none yet */
	const char *shard;
	char *class; /* set at the end; NULL: a folder without samples that is not a class */
	char name[];
};

static int by_folder(const void *a, const void *b)
{
	return strcmp(((const struct folder *)a)->name, ((const struct folder *)b)->name);
}

static struct folder *folder_of(struct shard_classes *c, const char *shard, const char *name)
{
	struct folder *f = xcalloc(1, sizeof *f + strlen(name) + 1), **found;
	strcpy(f->name, name);
	f->shard = shard;
	f->cls = -1;
	found = tsearch(f, &c->folders, by_folder);
	if (*found != f) {
		free(f);
		return *found;
	}
	c->v = xrealloc(c->v, (size_t)c->n_folders + 1, sizeof *c->v);
	return c->v[c->n_folders++] = f;
}

int shard_classes_take(struct shard_classes *c, const struct sample *s, const struct group *g)
{
	if (!s->folder && s->cls < 0)
		return fail("'%s': member '%s' has no label (no folder and no %s.cls)%s", s->shard,
		    g->last, s->key,
		    strchr(g->last, '\\') ? ": it has backslashes where folders have '/'" : "");
	if (!s->folder) {
		c->numbers++;
		c->highest = s->cls > c->highest ? s->cls : c->highest;
		return 0;
	}
	struct folder *f = folder_of(c, s->shard, s->folder);
	if (s->cls >= 0 && f->cls >= 0 && f->cls != s->cls)
		return fail("'%s': folder '%s' holds classes %ld and %ld by their .cls; a folder "
		            "is a class",
		    s->shard, s->folder, f->cls, s->cls);
	if (s->cls >= 0)
		f->cls = s->cls;
	return 0;
}

void shard_classes_see(struct shard_classes *c, const char *folder)
{
	if (!*folder || is_hidden(folder)) /* "" comes from "./" */
		return;
	c->seen = xrealloc(c->seen, (size_t)c->n_seen + 1, sizeof *c->seen);
	c->seen[c->n_seen++] = xstrdup(folder);
}

static bool is_list(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)))
			return false;
	return json_is_array(list);
}

static const char *class_name(const json_t *list, size_t i)
{
	return json_string_value(json_array_get(list, i));
}

/* Normalises the names of a list as those of members. */
static int make_normal(json_t *list, const char *shard)
{
	char name[MEMBER_NAME_MAX + 1];
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v) {
		if (member_name(name, shard, json_string_value(v)) < 0)
			return -1;
		if (strcmp(name, json_string_value(v)) != 0)
			json_array_set_new(list, i, json_string(name));
	}
	return 0;
}

int shard_classes_list(struct shard_classes *c, const char *shard, json_t *list)
{
	if (!is_list(list))
		return fail(
		    "'%s': the class list of its %s is not a list of names", shard, SHARD_END);
	if (make_normal(list, shard) < 0)
		return -1;
	if (!c->list) {
		c->list = json_incref(list);
		c->list_shard = shard;
		return 0;
	}
	size_t n = json_array_size(list), before = json_array_size(c->list);
	if (n != before)
		return fail(
		    "'%s' knows %zu classes where '%s' knows %zu", shard, n, c->list_shard, before);
	for (size_t i = 0; i < n; i++)
		if (strcmp(class_name(list, i), class_name(c->list, i)))
			return fail("class %zu is '%s' in '%s' and '%s' in '%s'", i,
			    class_name(list, i), shard, class_name(c->list, i), c->list_shard);
	return 0;
}

static int by_class(const void *a, const void *b)
{
	return strcmp((*(struct folder *const *)a)->class, (*(struct folder *const *)b)->class);
}

/* Checks that folders of one class have the same number. Leaves the first of each class in c->v,
 * sorted. */
static int merge_folders(struct shard_classes *c)
{
	int n = 0;
	qsort(c->v, (size_t)c->n_folders, sizeof(*c->v), by_class);
	for (int i = 0; i < c->n_folders; i++) {
		struct folder *f = c->v[i], *same = n ? c->v[n - 1] : NULL;
		if (!same || strcmp(same->class, f->class))
			c->v[n++] = f;
		else if (same->cls >= 0 && f->cls >= 0 && same->cls != f->cls)
			return fail("'%s': folders '%s' and '%s' hold classes %ld and %ld by their "
			            ".cls; a folder is a class",
			    f->shard, same->name, f->name, same->cls, f->cls);
		else if (f->cls >= 0)
			same->cls = f->cls;
	}
	c->n_folders = n;
	return 0;
}

/* Gives every folder its class. Without a class list, a class may have no sample. */
static int name_folders(struct shard_classes *c, const char *shard)
{
	int n = c->n_folders, named = 0;
	if (!n)
		return 0;
	for (int i = 0; i < c->n_seen && !c->list; i++)
		folder_of(c, shard, c->seen[i]);
	struct tree_folder *v = xcalloc((size_t)c->n_folders, sizeof *v);
	for (int i = 0; i < c->n_folders; i++)
		v[i] = (struct tree_folder){c->v[i]->shard, c->v[i]->name, NULL};
	int err = tree_classes(v, n, c->n_folders - n);
	for (int i = 0; i < c->n_folders; i++)
		if ((c->v[i]->class = v[i].class))
			c->v[named++] = c->v[i];
	c->n_folders = named;
	free(v);
	return err ? err : merge_folders(c);
}

/* Checks that the class is in the list, at the number of its samples. */
static int check_listed(
    const struct shard_classes *c, const struct folder *f, const struct name_index *listed)
{
	int i = name_index_find(listed, f->class);
	if (i < 0)
		return fail("class '%s' of '%s' is not in the class list of '%s'", f->class,
		    f->shard, c->list_shard);
	return f->cls < 0 || f->cls == i
	           ? 0
	           : fail("'%s': the .cls of class '%s' say %ld where '%s' lists it as %d",
	                 f->shard, f->class, f->cls, c->list_shard, i);
}

static int listed_classes(struct shard_classes *c)
{
	int n = c->n_classes = (int)json_array_size(c->list), err = 0;
	c->classes = xcalloc((size_t)n, sizeof *c->classes);
	for (int i = 0; i < n; i++)
		c->classes[i] = class_name(c->list, (size_t)i);
	struct name_index *listed = name_index_new(c->classes, n);
	for (int i = 0; i < c->n_folders && !err; i++)
		err = check_listed(c, c->v[i], listed);
	name_index_free(listed);
	if (!err && c->highest >= n)
		err = fail("class %ld is not in the class list of '%s', which has %d", c->highest,
		    c->list_shard, n);
	return err;
}

static int folder_classes(struct shard_classes *c, const char *shard)
{
	if (!c->n_folders)
		return 0;
	if (c->numbers)
		return fail(
		    "'%s' has labels by number alone, and '%s' by folder", shard, c->v[0]->shard);
	c->n_classes = c->n_folders;
	c->classes = xcalloc((size_t)c->n_folders, sizeof *c->classes);
	for (int i = 0; i < c->n_folders; i++)
		c->classes[i] = c->v[i]->class;
	return 0;
}

int shard_classes_end(struct shard_classes *c, const char *shard)
{
	if (name_folders(c, shard) < 0)
		return -1;
	return c->list ? listed_classes(c) : folder_classes(c, shard);
}

const char *shard_classes_of(const struct shard_classes *c, const char *name)
{
	struct folder *f = xcalloc(1, sizeof *f + strlen(name) + 1), **found;
	strcpy(f->name, name);
	found = tfind(f, &c->folders, by_folder);
	free(f);
	return found ? (*found)->class : NULL;
}

static void free_folder(void *p)
{
	free(((struct folder *)p)->class);
	free(p);
}

void shard_classes_free(struct shard_classes *c)
{
	tdestroy(c->folders, free_folder);
	for (int i = 0; i < c->n_seen; i++)
		free(c->seen[i]);
	free(c->seen);
	free(c->v);
	free(c->classes);
	json_decref(c->list);
}
