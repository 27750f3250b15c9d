/* ImageFolder: train/CLASS/x.jpg and val/CLASS/x.jpg (or test/). Classes are sorted by name. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/names.h"
#include "lib/data/import/plan.h"

/* Finds the folder of the file's own folder, *split, and the lengths of both names. False: the file
 * is not that deep. */
static bool two_folders(
    const struct import_file *f, const char **split, size_t *split_size, size_t *class_size)
{
	const char *slash = strchr(f->tail, '/');
	if (!slash || f->tail == f->name)
		return false;
	const char *end = f->tail - 1, *begin = end;
	while (begin > f->name && begin[-1] != '/')
		begin--;
	*split = begin;
	*split_size = (size_t)(end - begin);
	*class_size = (size_t)(slash - f->tail);
	return true;
}

int folders_split(const struct import_file *f, const struct import_layout *l)
{
	const char *split;
	size_t n, class_size;
	if (two_folders(f, &split, &n, &class_size))
		for (int i = 0; i < SPLITS; i++)
			if (strlen(l->folders[i]) == n && !strncmp(split, l->folders[i], n))
				return i;
	return -1;
}

static char *class_of(const struct import_file *f)
{
	return xasprintf("%.*s", (int)strcspn(f->tail, "/"), f->tail);
}

/* Sorts the class names: the files are sorted by CLASS/FILE, where '/' comes after ' ', '-' and
 * '.', so their order may differ. */
static int take_classes(
    struct import_plan *p, const struct import_source *s, const struct import_layout *l)
{
	char **names = xcalloc((size_t)s->n + 1, sizeof *names);
	int n = 0, err = 0;
	for (int i = 0; i < s->n; i++)
		if (folders_split(&s->files[i], l) >= 0)
			names[n++] = class_of(&s->files[i]);
	qsort(names, (size_t)n, sizeof *names, by_string);
	for (int i = 0; i < n && !err; i++)
		if (!i || strcmp(names[i], names[i - 1]))
			err = plan_class(p, names[i]) < 0 ? -1 : 0;
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return err;
}

static int find(const struct import_plan *p, const char *name)
{
	char **at = bsearch(&name, p->names, (size_t)p->n, sizeof *p->names, by_string);
	return (int)(at - p->names);
}

int plan_folders(struct import_plan *p, struct import_source *s, const struct import_layout *l)
{
	int err = take_classes(p, s, l);
	for (int i = 0; i < s->n && !err; i++) {
		struct import_file *f = &s->files[i];
		int split = folders_split(f, l);
		if (split < 0)
			continue;
		char *class = class_of(f);
		err = plan_image(p, f, split, find(p, class));
		free(class);
		if (err < 0)
			fail("'%s': %s", f->archive, fail_message());
	}
	return err;
}
