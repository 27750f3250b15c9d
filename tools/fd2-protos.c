/* fd2-protos: writes class prototypes, taken from a teacher or computed as class means over
 * shards. */
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/statistics.h"

static struct protos_config config = {.cache = 4096, .batch = 64, .statistics = STATISTICS_NONE};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &config.out, "write to FILE", .unrecorded = true,
        .file = FILE_WRITTEN},
    {'t', "teacher", "FILE", OPT_STRING, &config.teacher, "the teacher (default: standard input)",
        .unrecorded = true, .file = FILE_READ},
    {'b', "batch", "N", OPT_INT, &config.batch, "images per pass", .min = 1, .max = 65536},
    {0, "cache", "MIB", OPT_INT, &config.cache,
        "memory for decoded photographs; the rest are decoded each time", .min = 1, .max = 1 << 24,
        .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &config.strict, "stop at a corrupt image instead of skipping it"},
    {0, "statistics", "OF", OPT_CHOICE, &config.statistics,
        "write the statistics of BatchNorms' or all layers' inputs instead",
        .choices = STATISTICS_CHOICES},
    {0, "unit", NULL, OPT_FLAG, &config.unit, "divide each prototype by its length"},
    {0},
};

static void check_statistics(void)
{
	if (!config.n_shards)
		die_usage("--statistics needs the shards of the training images");
	if (config.unit)
		die_usage("--unit is for prototypes, and --statistics writes none");
}

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-protos", "[options] [-t TEACHER] [SHARD...]",
	    "Write class prototypes: the teacher's online ones or, given shards, exact class "
	    "means.",
	    opts};
	int first = fd2_start(&tool, argc, argv);
	config.shards = argv + first;
	config.n_shards = argc - first;
	if (!config.teacher && isatty(STDIN_FILENO))
		die_usage("no teacher; give one with -t, or pipe one in");
	if (config.statistics != STATISTICS_NONE) {
		check_statistics();
		stage_end(stage_statistics, &config);
	}
	opt_needs("batch", config.n_shards > 0, "prototypes of shards: name some");
	stage_end(stage_protos, &config);
}
