/* Stanford Cars (Krause et al. 2013), from its MATLAB files. In the devkit's layout each split
 * has its folder and its list of annotations, and the labels of the test images are in a separate
 * file; in the other layout, cars_annos.mat lists all images of car_ims/ and marks the test images.
 * Classes count from 1. */
#include <stdlib.h>

#include "lib/data/import/mat.h"

static int take_classes(struct import_plan *p, const struct import_list *l)
{
	struct mat *m = mat_open(l, "class_names");
	int err = m ? 0 : -1;
	for (long i = 0; !err && i < mat_count(m); i++) {
		const char *name = mat_text(m, i, NULL);
		if (!name)
			err = -1;
		else if (plan_class(p, name) < 0)
			err = list_fail(l, "%s", fail_message());
	}
	mat_close(m);
	return err;
}

/* Plans the image of annotation i, whose name below `folder` is the text `field`. split -1: takes
 * the split from its mark `test`. */
static int take_image(struct import_plan *p, struct import_source *s, struct mat *m,
    const struct import_list *l, long i, const char *folder, const char *field, int split)
{
	const char *name = mat_text(m, i, field);
	long class = name ? mat_number(m, i, "class", 1, p->n) : -1;
	long test = class > 0 && split < 0 ? mat_number(m, i, "test", 0, 1) : 0;
	if (class < 0 || test < 0)
		return -1;
	char *member = xasprintf("%s%s", folder, mat_text(m, i, field));
	struct import_file *f = source_image(s, member);
	free(member);
	if (!f || plan_image(p, f,
	              split >= 0 ? split
	              : test     ? SPLIT_VAL
	                         : SPLIT_TRAIN,
	              (int)class - 1) < 0)
		return list_fail(l, "element %ld: %s", i + 1, fail_message());
	return 0;
}

static int take_images(struct import_plan *p, struct import_source *s, const struct import_list *l,
    const char *folder, const char *field, int split)
{
	struct mat *m = mat_open(l, "annotations");
	int err = m ? 0 : -1;
	for (long i = 0; !err && i < mat_count(m); i++)
		err = take_image(p, s, m, l, i, folder, field, split);
	mat_close(m);
	return err;
}

int plan_cars_devkit(
    struct import_plan *p, struct import_source *s, const struct import_layout *layout)
{
	(void)layout;
	const struct import_list *test = source_list(s, "cars_test_annos_withlabels.mat");
	int err = take_classes(p, source_list(s, "cars_meta.mat"));
	if (!err && p->needed[SPLIT_TRAIN])
		err = take_images(p, s, source_list(s, "cars_train_annos.mat"), "cars_train/",
		    "fname", SPLIT_TRAIN);
	if (!err && p->needed[SPLIT_VAL] && !test)
		err = fail("the labels of the test images are missing: give "
		           "cars_test_annos_withlabels.mat too, or --only train");
	if (!err && p->needed[SPLIT_VAL])
		err = take_images(p, s, test, "cars_test/", "fname", SPLIT_VAL);
	return err;
}

int plan_cars_annos(
    struct import_plan *p, struct import_source *s, const struct import_layout *layout)
{
	(void)layout;
	const struct import_list *l = source_list(s, "cars_annos.mat");
	int err = take_classes(p, l);
	return err ? err : take_images(p, s, l, "", "relative_im_path", -1);
}
