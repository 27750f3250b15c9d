#include "lib/data/import/plan.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_MAX = 10000 };

static bool is_utf8(const char *name)
{
	json_t *v = json_string(name);
	json_decref(v);
	return v != NULL;
}

int plan_class(struct import_plan *p, const char *name)
{
	char *folder = xstrdup(name);
	for (char *c = folder; *c; c++)
		if (*c == '/')
			*c = '-';
	int err = 0;
	if (p->n == CLASSES_MAX)
		err = fail("there are more than %d classes", CLASSES_MAX);
	else if (!*folder || *folder == '.' || strlen(folder) > 255 || !is_utf8(folder))
		err = fail("'%.80s' is not a valid class name", name);
	for (int k = 0; k < p->n && !err; k++)
		if (!strcmp(p->folders[k], folder))
			err = fail("the classes '%s' and '%s' would have one folder, '%s'",
			    p->names[k], name, folder);
	if (err < 0) {
		free(folder);
		return -1;
	}
	p->names = xrealloc(p->names, (size_t)p->n + 1, sizeof *p->names);
	p->folders = xrealloc(p->folders, (size_t)p->n + 1, sizeof *p->folders);
	p->names[p->n] = xstrdup(name);
	p->folders[p->n] = folder;
	return p->n++;
}

int plan_find(const struct import_plan *p, const char *name)
{
	for (int k = 0; k < p->n; k++)
		if (!strcmp(p->names[k], name))
			return k;
	return -1;
}

int plan_image(struct import_plan *p, struct import_file *f, int split, int class)
{
	const char *base = strrchr(f->name, '/');
	base = base ? base + 1 : f->name;
	if (f->foreign)
		return fail("'%s' is not a JPEG", f->name);
	if (f->split >= 0)
		return fail("'%s' is listed twice", f->name);
	f->id = xstrdup(base);
	*strrchr(f->id, '.') = '\0'; /* it has an extension, as it is an image */
	for (char *c = f->id; (c = strchr(c, '.'));)
		*c = '_';
	f->split = split;
	f->class = class;
	p->images[split]++;
	return 0;
}

void plan_photograph(struct import_plan *p, struct import_file *f, int split, int class, char *id)
{
	for (char *c = id; *c; c++)
		if (*c == '.' || *c == '/')
			*c = '_';
	f->id = id;
	f->split = split;
	f->class = class;
	p->images[split]++;
}
