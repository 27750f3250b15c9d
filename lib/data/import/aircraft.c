/* FGVC-Aircraft (Maji et al. 2013), variants: variants.txt "NAME", images_variant_trainval.txt
 * and images_variant_test.txt "ID NAME", images/ID.jpg. Names may contain blanks and slashes. */
#include <stdlib.h>

#include "lib/data/import/plan.h"

static int take_classes(struct import_plan *p, const struct import_source *s)
{
	struct lines l = {source_list(s, "variants.txt")};
	int got;
	while ((got = lines_next(&l)) > 0)
		if (plan_class(p, l.text) < 0)
			return lines_fail(&l, "%s", fail_message());
	return got;
}

static int take_images(
    struct import_plan *p, const struct import_source *s, const char *list, int split)
{
	struct lines l = {source_list(s, list)};
	int got;
	while ((got = lines_next(&l)) > 0) {
		char *name = cut_word(l.text);
		if (!name)
			return lines_fail(&l, "image '%s' has no variant", l.text);
		int class = plan_find(p, name);
		if (class < 0)
			return lines_fail(&l, "'%s' is not in variants.txt", name);
		char *member = xasprintf("images/%s.jpg", l.text);
		struct import_file *f = source_image(s, member);
		free(member);
		if (!f || plan_image(p, f, split, class) < 0)
			return lines_fail(&l, "%s", fail_message());
	}
	return got;
}

int plan_aircraft(
    struct import_plan *p, struct import_source *s, const struct import_layout *layout)
{
	(void)layout;
	int err = take_classes(p, s);
	if (!err)
		err = take_images(p, s, "images_variant_trainval.txt", SPLIT_TRAIN);
	if (!err)
		err = take_images(p, s, "images_variant_test.txt", SPLIT_VAL);
	return err;
}
