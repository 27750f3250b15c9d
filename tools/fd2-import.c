/* fd2-import: makes train and val shards from official archives or one's own photographs. See
 * fd2-import(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/files.h"
#include "lib/base/start.h"
#include "lib/data/fit.h"
#include "lib/data/import/import.h"

static struct {
	const char *prefix, *files[SPLITS];
	int only; /* a split, or -1 */
	enum fit fit;
	bool any_count, no_banner, strict;
	long size, shard_size, shard_images;
	double split;
	int class_of;
} job = {.only = -1, .fit = FIT_SQUASH, .class_of = CLASS_CLEAR};

static const struct opt opts[] = {
    {0, "any-count", NULL, OPT_FLAG, &job.any_count,
        "accept an incomplete data set, with a warning", .unrecorded = true},
    {0, "class", "WHICH", OPT_CHOICE, &job.class_of,
        "folder: of nested folders, the one that names the class", .min = CLASS_FIRST,
        .choices = "first|last"},
    {0, "fit", "HOW", OPT_CHOICE, &job.fit, "with --size: the short side, or both sides",
        .min = FIT_SHORT, .choices = "short|squash"},
    {0, "no-banner", NULL, OPT_FLAG, &job.no_banner,
        "cut off the lowest 20 pixels (aircraft: the copyright line)"},
    {0, "only", "SPLIT", OPT_CHOICE, &job.only, "write one shard, without -o to standard output",
        .choices = "train|val", .unrecorded = true},
    {'o', "output", "PREFIX", OPT_STRING, &job.prefix,
        "write PREFIX-train.tar and PREFIX-val.tar (default: SET)", .unrecorded = true},
    {0, "shard-images", "N", OPT_INT, &job.shard_images, "at most N images per shard", .min = 0,
        .max = 1e9},
    {0, "shard-size", "MIB", OPT_INT, &job.shard_size,
        "at most MIB per shard: PREFIX-train-000.tar, ...", .min = 0, .max = 1e6},
    {'s', "size", "N", OPT_INT, &job.size, "resize to N pixels; 0: bytes pass unchanged", .min = 0,
        .max = 4096},
    {0, "split", "X", OPT_REAL, &job.split, "folder: hold out this share of each class", .min = 0,
        .max = 0.9},
    {0, "strict", NULL, OPT_FLAG, &job.strict, "folder: stop at a damaged image"},
    {0, "train", "FILE", OPT_STRING, &job.files[SPLIT_TRAIN], "write the train shard to FILE",
        .unrecorded = true},
    {0, "val", "FILE", OPT_STRING, &job.files[SPLIT_VAL], "write the val shard to FILE",
        .unrecorded = true},
    {0},
};

/* Returns the tool's purpose, followed by the table of data sets. */
static const char *purpose(void)
{
	static char text[1024];
	int n = snprintf(text, sizeof text,
	    "Make shards of photographs, or of a data set's official archives.\n\nSET:\n  %-11s %s",
	    "folder", "your own: CLASS/*.jpg, or train/ and val/ with classes below");
	for (const struct import_set *s = import_sets; s->name; s++)
		if (!s->own)
			n += snprintf(text + n, sizeof text - (size_t)n,
			    "\n  %-11s %s: %d classes, %d + %d images", s->name, s->title,
			    s->classes, s->images[SPLIT_TRAIN], s->images[SPLIT_VAL]);
	return text;
}

/* Returns "cub|cars|...". */
static const char *sets(void)
{
	static char *names;
	names = xstrdup("");
	for (const struct import_set *s = import_sets; s->name; s++) {
		char *longer = xasprintf("%s%s%s", names, *names ? "|" : "", s->name);
		free(names);
		names = longer;
	}
	return names;
}

/* Returns where a split goes; NULL: nowhere. */
static const char *output(const struct import_set *set, int split)
{
	if (job.only >= 0 && job.only != split)
		return NULL;
	if (job.files[split])
		return job.files[split];
	if (job.only >= 0 && !job.prefix)
		return "-";
	static char *made[SPLITS];
	if (!made[split])
		made[split] =
		    xasprintf("%s-%s.tar", job.prefix ? job.prefix : set->name, split_names[split]);
	return made[split];
}

/* Rejects options that this set would ignore. */
static void check_options(const struct import_set *set)
{
	if (!set->own && (job.split > 0 || job.strict || job.class_of != CLASS_CLEAR))
		die_usage("--%s goes with the set 'folder'", job.split > 0 ? "split"
		                                             : job.strict  ? "strict"
		                                                           : "class");
	if (set->own && (job.any_count || job.no_banner))
		die_usage("--%s goes with an official data set",
		    job.any_count ? "any-count" : "no-banner");
	opt_needs("fit", job.size > 0, "--size");
	if (job.split > 0 && job.only >= 0)
		die_usage("--split and --only exclude each other");
	for (int split = 0; split < SPLITS; split++)
		if (job.only == !split && job.files[split])
			die_usage("--%s names a shard that --only %s leaves out",
			    split_names[split], split_names[!split]);
	if (job.prefix && job.files[SPLIT_TRAIN] && job.files[SPLIT_VAL])
		die_usage("--train and --val name both shards: remove --output");
	if (job.prefix && job.only >= 0 && job.files[job.only])
		die_usage("--%s names the only shard: remove --output", split_names[job.only]);
	for (int split = 0; split < SPLITS && (job.shard_size || job.shard_images); split++)
		if (output(set, split) && !strcmp(output(set, split), "-"))
			die_usage("several shards cannot go to standard output: give -o");
}

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-import", "[options] SET ARCHIVE...", purpose(), opts,
	    .words = 1, .choices = sets(), .without = "device dtype"};
	int first = fd2_start(&tool, argc, argv);
	if (first == argc)
		die_usage("name a data set and its archives");
	const struct import_set *set = import_find(argv[first]);
	if (!set)
		die_usage("%s", fail_message());
	if (first + 1 == argc)
		die_usage(set->own
		              ? "name the folder or archive of %s"
		              : "name the archives of %s, or the folder they were unpacked into",
		    set->title);
	check_options(set);
	for (int split = 0; split < SPLITS; split++)
		if (output(set, split))
			files_written(output(set, split), split_names[split]);
	files_check();
	return fd2_finish(import_run(&(struct import_job){.set = set,
	    .paths = argv + first + 1,
	    .n = argc - first - 1,
	    .out = {output(set, SPLIT_TRAIN), output(set, SPLIT_VAL)},
	    .any_count = job.any_count,
	    .size = (int)job.size,
	    .short_side = job.fit == FIT_SHORT,
	    .cut_banner = job.no_banner,
	    .bounds = {job.shard_images, (double)job.shard_size * (1 << 20)},
	    .split = job.split,
	    .class_of = job.class_of,
	    .val_needed = job.files[SPLIT_VAL],
	    .strict = job.strict}));
}
