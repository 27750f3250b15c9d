/* fd2-draw: draws a fine-grained data set by rule, as an image shard. See fd2-draw(1). */
#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/par.h"
#include "lib/base/progress.h"
#include "lib/base/start.h"
#include "lib/image/creature.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUALITY = 92 };

static struct {
	const char *output;
	enum { SPLIT_TRAIN, SPLIT_VAL } split;
	long classes, first, per_class, size;
	double part_scale;
} job = {.classes = 8, .per_class = 60, .size = 96, .part_scale = 1};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &job.output, "write to FILE (default: standard output)",
        .file = FILE_WRITTEN, .unrecorded = true},
    {0, "classes", "K", OPT_INT, &job.classes, "number of classes", .min = 2,
        .max = CREATURE_CLASSES},
    {0, "first", "K", OPT_INT, &job.first, "number of the first class", .min = 0,
        .max = CREATURE_CLASSES - 2},
    {0, "part-scale", "X", OPT_REAL, &job.part_scale,
        "size of the part that tells the classes apart", .min = 0.2, .max = 2},
    {0, "per-class", "N", OPT_INT, &job.per_class, "images per class", .min = 1, .max = 9999},
    {0, "size", "PX", OPT_INT, &job.size, "side of the square images", .min = 32, .max = 1024},
    {0, "split", "SPLIT", OPT_CHOICE, &job.split, "train and val share no image",
        .choices = "train|val"},
    {0},
};

static const struct tool tool = {"fd2-draw", "[options] [-o FILE]",
    "Draw a fine-grained data set of birds that differ in one wing patch.", opts,
    .without = "device dtype"};

struct drawn {
	uint8_t *jpeg;
	size_t size;
	struct box part;
};

struct page {
	int class;
	struct drawn *v; /* [per_class] */
};

static void draw_one(void *ctx, int i)
{
	struct page *p = ctx;
	struct drawn *d = &p->v[i];
	uint32_t split = job.split == SPLIT_VAL;
	struct rng r =
	    rng_at((uint64_t)common.seed, RNG_DRAW, (uint64_t)p->class, (uint32_t)i, split);
	struct image im;

	creature_draw(&im, &d->part, p->class, (int)job.size, job.part_scale, &r);
	jpeg_encode(&im, QUALITY, &d->jpeg, &d->size);
	image_free(&im);
}

static char *describe(const struct box *b, const char *class)
{
	json_t *o = json_pack("{s:[iiii], s:s, s:i, s:i}", "part", b->x, b->y, b->x + b->w,
	    b->y + b->h, "class", class, "width", (int)job.size, "height", (int)job.size);
	char *text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	return text;
}

static int add_one(
    struct shard_writer *w, const struct drawn *d, const char *class, int i, int label)
{
	char id[16];

	if (!d->jpeg)
		return fail("cannot encode image %d of class '%s'", i + 1, class);
	snprintf(id, sizeof id, "%04d", i + 1);
	char *json = describe(&d->part, class);
	int status = fd2_shard_add(w, class, id, label, d->jpeg, d->size, NULL, 0, json);

	free(json);
	return status;
}

static int add_class(struct shard_writer *w, int class, int label)
{
	struct page p = {class, xcalloc((size_t)job.per_class, sizeof *p.v)};
	int status = 0;

	par_for((int)job.per_class, draw_one, &p);
	for (int i = 0; i < job.per_class; i++) {
		if (status == 0)
			status = add_one(w, &p.v[i], creature_class_name(class), i, label);
		free(p.v[i].jpeg);
	}
	free(p.v);
	return status;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(creature_class_name(*(const int *)a), creature_class_name(*(const int *)b));
}

static int run(void)
{
	int order[CREATURE_CLASSES], n = (int)job.classes, status = 0;
	const char *names[CREATURE_CLASSES];

	for (int i = 0; i < n; i++)
		order[i] = (int)job.first + i;
	qsort(order, (size_t)n, sizeof *order, by_name);
	for (int i = 0; i < n; i++)
		names[i] = creature_class_name(order[i]);

	struct out *out = out_open(job.output, 0);
	if (!out)
		return -1;
	struct shard_writer *w = shard_create(out, opts_provenance(), names, n);
	if (!w)
		return -1;
	progress_start("draw", "images", n * job.per_class);
	for (int i = 0; i < n && status == 0; i++) {
		status = add_class(w, order[i], i);
		progress_at((i + 1) * job.per_class, "%s", names[i]);
	}
	progress_end();
	if (status < 0) {
		fd2_shard_abandon(w);
		return -1;
	}
	return fd2_shard_finish(w);
}

int main(int argc, char **argv)
{
	int operand = fd2_start(&tool, argc, argv);

	if (operand < argc)
		die_usage("fd2-draw takes no input, but '%s' is given", argv[operand]);
	if (job.first + job.classes > CREATURE_CLASSES)
		die_usage("--first %ld --classes %ld: there are %d classes", job.first, job.classes,
		    CREATURE_CLASSES);
	return fd2_finish(run());
}
