/* fd2-protos: class prototypes, out of a teacher or as class means over shards. */
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/job.h"

static struct protos_job job = {.cache = 4096, .batch = 64};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &job.out, "write to FILE", .unrecorded = true},
    {'t', "teacher", "FILE", OPT_STRING, &job.teacher, "the teacher (default: standard input)",
        .unrecorded = true},
    {'b', "batch", "N", OPT_INT, &job.batch, "images a pass", .min = 1, .max = 65536},
    {0, "cache", "MIB", OPT_INT, &job.cache,
        "memory for decoded photographs; the rest are decoded again and again", .min = 1,
        .max = 1 << 24, .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &job.strict, "stop at a corrupt image instead of skipping it"},
    {0},
};

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-protos", "[options] [-t TEACHER] [SHARD...]",
	    "Write class prototypes: the teacher's online ones or, given shards, exact class "
	    "means.",
	    opts, false};
	int first = fd2_start(&tool, argc, argv);
	job.shards = argv + first;
	job.n_shards = argc - first;
	if (!job.teacher && isatty(STDIN_FILENO))
		die_usage("no teacher; give one with -t, or pipe one in");
	return fd2_finish(stage_run(stage_protos, &job));
}
