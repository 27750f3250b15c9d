/* The data sets, and the layouts in which their archives are published. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/data/import/plan.h"

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static const struct import_layout cub[] = {
    {"classes.txt, images.txt, image_class_labels.txt, train_test_split.txt and images/CLASS/*.jpg",
        LIST("images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt"),
        .plan = plan_cub},
    {0},
};
static const struct import_layout aircraft[] = {
    {"data/variants.txt, data/images_variant_trainval.txt, data/images_variant_test.txt and "
     "data/images/*.jpg",
        LIST("images_variant_trainval.txt", "images_variant_test.txt", "variants.txt"),
        .plan = plan_aircraft},
    {0},
};
static const struct import_layout cars[] = {
    {"car_ims/*.jpg and cars_annos.mat", LIST("cars_annos.mat"), .plan = plan_cars_annos},
    {"cars_train/*.jpg, cars_test/*.jpg, devkit/cars_meta.mat, devkit/cars_train_annos.mat and "
     "cars_test_annos_withlabels.mat",
        LIST("cars_meta.mat", "cars_train_annos.mat"), LIST("cars_test_annos_withlabels.mat"),
        .plan = plan_cars_devkit},
    {"train/CLASS/*.jpg and test/CLASS/*.jpg", .folders = {"train", "test"}, .plan = plan_folders},
    {0},
};
static const struct import_layout none[] = {{0}};
static const struct import_layout imagenette[] = {
    {"train/CLASS/*.JPEG and val/CLASS/*.JPEG", .folders = {"train", "val"}, .plan = plan_folders},
    {0},
};

const struct import_set import_sets[] = {
    {"aircraft", "FGVC-Aircraft, variants", 100, {6667, 3333}, aircraft},
    {"cars", "Stanford Cars", 196, {8144, 8041}, cars},
    {"cub", "CUB-200-2011", 200, {5994, 5794}, cub},
    {"folder", "your own photographs", .layouts = none, .own = true},
    {"imagenette", "ImageNette 2", 10, {9469, 3925}, imagenette},
    {"imagewoof", "ImageWoof 2", 10, {9025, 3929}, imagenette},
    {0},
};

const struct import_set *import_find(const char *name)
{
	char known[256] = "";
	for (const struct import_set *s = import_sets; s->name; s++) {
		if (!strcmp(s->name, name))
			return s;
		size_t n = strlen(known);
		snprintf(known + n, sizeof known - n, "%s%s",
		    s == import_sets ? ""
		    : s[1].name      ? ", "
		                     : " or ",
		    s->name);
	}
	if (access(name, F_OK) == 0)
		return fail_null("'%s' is a path, not a data set; 'fd2-import folder PATH' is for "
		                 "your own photographs",
		    name);
	return fail_null("'%s' is not a known data set: %s", name, known);
}
