/* CUB-200-2011 (Wah et al. 2011): images.txt "ID PATH", image_class_labels.txt "ID CLASS",
 * train_test_split.txt "ID IS_TRAIN", classes.txt "CLASS NAME", images/NAME/x.jpg. Numbers count
 * from 1. */
#include <stdlib.h>

#include "lib/data/import/plan.h"

enum { ID_MAX = 1000000 };

struct cub {
	struct import_plan *plan;
	struct import_source *source;
	/* by image number; 0 for those not listed */
	struct import_file **file;
	int *class;  /* from 1 */
	char *split; /* 't' train, 'v' val */
};

/* Calls `take` with the number and the rest of each line. */
static int each_line(
    struct cub *c, const char *list, int (*take)(struct cub *, struct lines *, long, char *))
{
	struct lines l = {source_list(c->source, list)};
	int got;
	while ((got = lines_next(&l)) > 0) {
		char *rest = cut_word(l.text);
		long id = parse_number(l.text, 1, ID_MAX);
		if (!rest || id < 0)
			return lines_fail(&l, "expected a number from 1 to %d and a value", ID_MAX);
		if (take(c, &l, id, rest) < 0)
			return -1;
	}
	return got;
}

static int take_class(struct cub *c, struct lines *l, long id, char *name)
{
	if (id != c->plan->n + 1)
		return lines_fail(l, "is class %ld where class %d is due", id, c->plan->n + 1);
	return plan_class(c->plan, name) < 0 ? lines_fail(l, "%s", fail_message()) : 0;
}

static int take_image(struct cub *c, struct lines *l, long id, char *path)
{
	char *member = xasprintf("images/%s", path);
	struct import_file *f = source_image(c->source, member);
	free(member);
	if (!f)
		return lines_fail(l, "%s", fail_message());
	if (c->file[id])
		return lines_fail(l, "image %ld is listed twice", id);
	c->file[id] = f;
	return 0;
}

static int take_label(struct cub *c, struct lines *l, long id, char *class)
{
	long k = parse_number(class, 1, c->plan->n);
	if (!c->file[id])
		return lines_fail(l, "image %ld is not in images.txt", id);
	if (k < 0)
		return lines_fail(l, "'%s' is not a class from 1 to %d", class, c->plan->n);
	if (c->class[id])
		return lines_fail(l, "image %ld is listed twice", id);
	c->class[id] = (int)k;
	return 0;
}

static int take_split(struct cub *c, struct lines *l, long id, char *train)
{
	long t = parse_number(train, 0, 1);
	if (!c->file[id])
		return lines_fail(l, "image %ld is not in images.txt", id);
	if (t < 0)
		return lines_fail(l, "'%s' is neither 0 nor 1", train);
	if (c->split[id])
		return lines_fail(l, "image %ld is listed twice", id);
	c->split[id] = t ? 't' : 'v';
	return 0;
}

static int add_images(const struct cub *c)
{
	for (long id = 1; id <= ID_MAX; id++) {
		struct import_file *f = c->file[id];
		if (!f)
			continue;
		if (!c->class[id])
			return list_fail(source_list(c->source, "image_class_labels.txt"),
			    "image %ld, '%s', has no label", id, f->name);
		if (!c->split[id])
			return list_fail(source_list(c->source, "train_test_split.txt"),
			    "image %ld, '%s', is in no split", id, f->name);
		if (plan_image(c->plan, f, c->split[id] == 't' ? SPLIT_TRAIN : SPLIT_VAL,
		        c->class[id] - 1) < 0)
			return list_fail(
			    source_list(c->source, "images.txt"), "%s", fail_message());
	}
	return 0;
}

int plan_cub(struct import_plan *p, struct import_source *s, const struct import_layout *layout)
{
	(void)layout;
	struct cub c = {p, s, xcalloc(ID_MAX + 1, sizeof *c.file),
	    xcalloc(ID_MAX + 1, sizeof *c.class), xcalloc(ID_MAX + 1, 1)};
	int err = each_line(&c, "classes.txt", take_class);
	if (!err)
		err = each_line(&c, "images.txt", take_image);
	if (!err)
		err = each_line(&c, "image_class_labels.txt", take_label);
	if (!err)
		err = each_line(&c, "train_test_split.txt", take_split);
	if (!err)
		err = add_images(&c);
	free(c.file);
	free(c.class);
	free(c.split);
	return err;
}
