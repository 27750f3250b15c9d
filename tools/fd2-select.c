/* fd2-select: chooses real images of each class, or mosaics of their patches, as baselines for
 * distilled images. */
#include <limits.h>

#include "lib/base/err.h"
#include "lib/fd2/select/select.h"
#include "lib/fd2/stage.h"

enum { IMAGES = 300, CROPS = 5, FACTOR = 2, QUALITY = 95 };

static struct select_config config = {
    .ipc = 1,
    .images = IMAGES,
    .crops = CROPS,
    .factor = FACTOR,
    .quality = QUALITY,
    .cache = 4096,
    .classes = {0, LONG_MAX},
};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &config.out, "write to FILE", .unrecorded = true,
        .file = FILE_WRITTEN},
    {'t', "teacher", "FILE", OPT_STRING, &config.teacher, "the teacher; random needs none",
        .unrecorded = true, .file = FILE_READ},
    {'n', "ipc", "N", OPT_INT, &config.ipc, "images per class", .min = 1, .max = 9999},
    {0, "method", "NAME", OPT_CHOICE, &config.method, "how to choose", .choices = SELECT_CHOICES},
    {0, "classes", "A-B", OPT_RANGE, &config.classes, "only these classes, from 0"},
    {0, "features", "FILE", OPT_STRING, &config.features,
        "also write the features that herding and k-center compare", .unrecorded = true,
        .file = FILE_WRITTEN},
    {0, "images", "N", OPT_INT, &config.images, "rded: photographs used per class, at most",
        .min = 1, .max = 100000},
    {0, "crops", "N", OPT_INT, &config.crops, "rded: crops scored per photograph", .min = 1,
        .max = 1000},
    {0, "factor", "N", OPT_INT, &config.factor, "rded: patches along each side", .min = 1,
        .max = 2},
    {0, "quality", "Q", OPT_INT, &config.quality, "rded: JPEG quality", .min = 1, .max = 100},
    {0, "cache", "MIB", OPT_INT, &config.cache, "memory for decoded photographs", .min = 1,
        .max = 1 << 24, .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &config.strict, "stop at a corrupt image instead of skipping it"},
    {0},
};

static void check(void)
{
	bool rded = config.method == SELECT_RDED, random = config.method == SELECT_RANDOM;
	if (!random && !config.teacher)
		die_usage("--method herding, k-center and rded need a teacher; give one with -t");
	if (config.features && (random || rded))
		die_usage("--features is for --method herding and k-center");
	if (!rded && (config.images != IMAGES || config.crops != CROPS || config.factor != FACTOR ||
	                 config.quality != QUALITY))
		die_usage("--images, --crops, --factor and --quality are for --method rded: the "
		          "other methods write photographs as they are");
}

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-select", "[options] [-t TEACHER] [SHARD...]",
	    "Choose real images of each class, as baselines for distilled ones.", opts,
	    .wants_stdin = true};
	int first = fd2_start(&tool, argc, argv);
	config.shards = argv + first;
	config.n_shards = argc - first;
	config.seed = common.seed;
	check();
	stage_end(stage_select, &config);
}
