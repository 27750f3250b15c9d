/* The user's own photographs: class/... below a folder, or train/ and val/ with classes below. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/shard/tree.h"
#include "lib/base/opts.h"
#include "lib/base/rng.h"
#include "lib/data/import/plan.h"
#include "lib/data/unique-ids.h"

/* A photograph, whose name is divided into the part that all share, the split, the class and the
 * id. */
struct photo {
	struct import_file *file;
	const char *rest; /* the name after the split's folder */
	enum tree_role role;
	int split; /* -1: left out */
	const char *class;
	size_t class_end; /* in rest: where the folder that names the class ends */
};

struct tree {
	struct photo *v;
	int n;
	struct tree_folder *folders; /* distinct */
	int n_folders;
	bool has[4]; /* by role */
};

static size_t folder_size(const char *name)
{
	const char *slash = strrchr(name, '/');
	return slash ? (size_t)(slash - name) : 0;
}

/* Returns the length of the folders that all files share, with slashes; but leaves the last one as
 * the class if all files are in the same folder. */
static size_t shared_folders(const struct import_source *s)
{
	size_t at = 0, before = 0;
	for (;;) {
		const char *name = s->files[0].name, *slash = strchr(name + at, '/');
		size_t next = slash ? (size_t)(slash - name) + 1 : 0;
		for (int i = 0; i < s->n && next; i++)
			if (strncmp(s->files[i].name, name, next))
				next = 0;
		if (!next)
			break;
		before = at;
		at = next;
	}
	for (int i = 0; i < s->n; i++)
		if (folder_size(s->files[i].name) > at)
			return at;
	return before;
}

static void list_photos(struct tree *t, struct import_source *s)
{
	size_t skip = s->n ? shared_folders(s) : 0;
	t->v = xcalloc((size_t)s->n, sizeof *t->v);
	t->n = s->n;
	for (int i = 0; i < s->n; i++) {
		struct photo *p = &t->v[i];
		*p = (struct photo){.file = &s->files[i], .rest = s->files[i].name + skip};
		size_t n = strcspn(p->rest, "/");
		bool nested = p->rest[n] && strchr(p->rest + n + 1, '/');
		p->role = nested ? tree_role(p->rest, n) : TREE_NONE;
		t->has[p->role] = true;
	}
}

static bool is_split(const struct tree *t)
{
	return t->has[TREE_TRAIN] && (t->has[TREE_VAL] || t->has[TREE_TEST]);
}

static int split_of(const struct tree *t, enum tree_role role, const struct import_plan *plan)
{
	if (!is_split(t))
		return plan->needed[SPLIT_TRAIN] ? SPLIT_TRAIN : SPLIT_VAL;
	if (role == TREE_TRAIN)
		return SPLIT_TRAIN;
	return role == (t->has[TREE_VAL] ? TREE_VAL : TREE_TEST) ? SPLIT_VAL : -1;
}

static void enter_splits(struct tree *t, const struct import_plan *plan)
{
	for (int i = 0; i < t->n; i++) {
		struct photo *p = &t->v[i];
		p->split = split_of(t, p->role, plan);
		if (is_split(t) && p->role != TREE_NONE)
			p->rest += strcspn(p->rest, "/") + 1;
	}
}

static void list_folders(struct tree *t, const char *source)
{
	int n = 0;
	t->folders = xcalloc((size_t)t->n, sizeof *t->folders);
	for (int i = 0; i < t->n; i++) {
		size_t size = folder_size(t->v[i].rest);
		if (size && t->v[i].split >= 0)
			t->folders[n++] = (struct tree_folder){
			    source, xasprintf("%.*s", (int)size, t->v[i].rest), NULL};
	}
	t->n_folders = tree_distinct(t->folders, n);
}

/* Returns where in a folder's name its class ends. */
static size_t end_of_class(const struct tree_folder *f)
{
	size_t n = strlen(f->class);
	const char *at = f->name;
	while (strncmp(at, f->class, n) || (at[n] && at[n] != '/'))
		at = strchr(at, '/') + 1;
	return (size_t)(at - f->name) + n;
}

static int name_folders(struct tree *t, const struct import_job *job)
{
	if (job->class_of == CLASS_CLEAR)
		return tree_classes(t->folders, t->n_folders, 0);
	for (int i = 0; i < t->n_folders; i++) {
		const char *name = t->folders[i].name, *slash = strrchr(name, '/');
		t->folders[i].class = job->class_of == CLASS_FIRST
		                          ? xasprintf("%.*s", (int)strcspn(name, "/"), name)
		                          : xstrdup(slash ? slash + 1 : name);
	}
	return 0;
}

static void name_photos(struct tree *t)
{
	for (int i = 0; i < t->n; i++) {
		size_t size = folder_size(t->v[i].rest);
		char *name = xasprintf("%.*s", (int)size, t->v[i].rest);
		struct tree_folder *f =
		    size && t->v[i].split >= 0 ? tree_find(t->folders, t->n_folders, name) : NULL;
		if (f) {
			t->v[i].class = f->class;
			t->v[i].class_end =
			    strrchr(name, '/') && !strcmp(strrchr(name, '/') + 1, f->class)
			        ? size
			        : end_of_class(f);
		}
		free(name);
	}
}

static int by_class(const void *a, const void *b)
{
	const struct photo *x = a, *y = b;
	if (!x->class || !y->class)
		return !x->class - !y->class;
	int order = strcmp(x->class, y->class);
	return order ? order : strcmp(x->rest, y->rest);
}

/* Returns the part of the name after the class, without its extension. */
static char *id_of(const struct photo *p)
{
	const char *name = p->rest + p->class_end + 1;
	return xasprintf("%.*s", (int)(strrchr(name, '.') - name), name);
}

static void tell_ids_apart(const struct photo *v, int n)
{
	struct id_slot *slots = xcalloc((size_t)n, sizeof *slots);
	for (int i = 0; i < n; i++)
		slots[i] = (struct id_slot){v[i].file->split, &v[i].file->id};
	ids_tell_apart(slots, n);
	free(slots);
}

/* Holds out a share of a class. The choice depends only on the seed, the class's name and the names
 * of its files; with two photographs or more, each side gets at least one. */
static void draw_split(
    struct import_plan *plan, const struct photo *v, int n, double share, const char *class)
{
	int k = (int)lrint(n * share);
	k = k < 1 ? 1 : k > n - 1 ? n - 1 : k;
	uint32_t *order = xcalloc((size_t)n, sizeof *order);
	struct rng r =
	    rng_at((uint64_t)common.seed, RNG_SPLIT, hash_bytes(class, strlen(class)), 0, 0);
	rng_order(&r, order, (uint32_t)n);
	for (int i = 0; i < k; i++) {
		v[order[i]].file->split = SPLIT_VAL;
		plan->images[SPLIT_TRAIN]--;
		plan->images[SPLIT_VAL]++;
	}
	free(order);
}

static int take_class(struct import_plan *plan, const struct photo *v, int n, double share)
{
	int class = plan_class(plan, v->class);
	if (class < 0)
		return -1;
	for (int i = 0; i < n; i++)
		plan_photograph(plan, v[i].file, v[i].split, class, id_of(&v[i]));
	tell_ids_apart(v, n);
	if (share > 0 && n > 1)
		draw_split(plan, v, n, share, v->class);
	else if (share > 0)
		warn("class '%s' has one photograph, which is not held out", v->class);
	return 0;
}

/* Warns about files that are in no split or in no folder. */
static void warn_left_out(const struct import_source *s, const struct tree *t)
{
	int n = 0;
	const char *first = NULL;
	for (int i = 0; i < s->n; i++)
		if (s->files[i].split < 0 && !n++)
			first = s->files[i].name;
	if (n)
		warn("left out %s in no %s (the first is '%s')", counted(n, "images").text,
		    is_split(t) ? "class folder of the training and the held-out set"
		                : "class folder",
		    first);
	if (s->others)
		warn("left out %s (the first is '%s')", counted(s->others, "non-image files").text,
		    s->other);
}

static int plan_tree(struct import_plan *plan, struct tree *t, const struct import_job *job)
{
	if (is_split(t) && job->split > 0)
		return fail(
		    "'%s' has a training and a held-out set already; --split is for one set",
		    job->paths[0]);
	if (!t->n_folders)
		return fail("'%s' has no folders of images, one per class", job->paths[0]);
	if (name_folders(t, job) < 0)
		return -1;
	name_photos(t);
	qsort(t->v, (size_t)t->n, sizeof *t->v, by_class);
	for (int i = 0, end; i < t->n && t->v[i].class; i = end) {
		for (end = i + 1; end < t->n && t->v[end].class; end++)
			if (strcmp(t->v[end].class, t->v[i].class))
				break;
		if (take_class(plan, &t->v[i], end - i, job->split) < 0)
			return -1;
	}
	return 0;
}

int plan_photographs(
    struct import_plan *plan, struct import_source *s, const struct import_job *job)
{
	struct tree t = {0};
	list_photos(&t, s);
	enter_splits(&t, plan);
	list_folders(&t, job->paths[0]);
	int err = plan_tree(plan, &t, job);
	if (!err)
		warn_left_out(s, &t);
	tree_free(t.folders, t.n_folders);
	free(t.v);
	return err;
}
