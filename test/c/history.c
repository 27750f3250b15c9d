/* The group history (history.h) keeps the images that later ones are compared with, no longer. */
#include "lib/fd2/distill/history.h"

#include <stdlib.h>

#include "test/c/check.h"

enum { CLASSES = 2, IPC = 6, GROUP = 4 };

static struct teacher teacher = {.classes = CLASSES};
static struct distill_teachers teachers = {.n = 1};

static bool is_kept(const struct history *h, int k, int id)
{
	return h->v[k * IPC + id - 1].image.rgb;
}

static void add(struct history *h, int k, int id)
{
	struct image im = image_new(8, 8);
	uint8_t *jpeg = NULL;
	size_t size = 0;
	CHECK(jpeg_encode(&im, 95, &jpeg, &size) == 0);
	CHECK(history_add(h, k, id, jpeg, size) == 0 && history_has(h, k, id));
	free(jpeg);
	image_free(&im);
}

/* The images of one index, or of two, of all classes. */
static void add_batch(struct history *h, int id, int other)
{
	const struct index_batch b = {.n = CLASSES, .indices = other ? 2 : 1, .ids = {id, other}};
	for (int i = 0; i < b.indices; i++)
		for (int k = 0; k < CLASSES; k++)
			add(h, k, b.ids[i]);
	history_end(h, &b);
}

static void check_kept(const struct history *h, const char *want)
{
	for (int i = 0; i < CLASSES * IPC; i++)
		CHECK(is_kept(h, i / IPC, i % IPC + 1) == (want[i % IPC] == 'x'));
}

static void images_are_kept_while_they_are_compared_with(void)
{
	struct history h;
	teachers.v[0].teacher = &teacher;
	history_init(&h, &teachers, IPC, GROUP, true);
	add_batch(&h, 1, 5);
	check_kept(&h, "x...x.");
	add_batch(&h, 2, 6); /* the last of its group */
	check_kept(&h, "xx....");
	add_batch(&h, 3, 0);
	check_kept(&h, "xxx...");
	add(&h, 0, 4); /* a batch that is not whole is made again */
	check_kept(&h, "xxx...");
	add_batch(&h, 4, 0);
	check_kept(&h, "......");
	CHECK(history_has(&h, 1, 4) && history_has(&h, 1, 1));
	history_free(&h);
}

static void without_a_comparison_none_is_kept(void)
{
	struct history h;
	teachers.v[0].teacher = &teacher;
	history_init(&h, &teachers, IPC, GROUP, false);
	for (int id = 1; id <= IPC; id++)
		add_batch(&h, id, 0);
	check_kept(&h, "......");
	history_free(&h);
}

static void images_are_called_by_numbers(void)
{
	CHECK(image_number("cat/0007") == 7 && image_number("cat/12345") == 12345);
	CHECK(!image_number("cat/0007_photo") && !image_number("cat/7") && !image_number("0007"));
	CHECK(!image_number("cat/99999999999999999999"));
}

int main(void)
{
	RUN(images_are_called_by_numbers);
	RUN(images_are_kept_while_they_are_compared_with);
	RUN(without_a_comparison_none_is_kept);
	return check_done();
}
