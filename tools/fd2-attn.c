/* fd2-attn: what the teacher sees in images: attention maps and representations, or pictures of
 * them. */
#include "lib/base/err.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/job.h"

static struct attn_job job;

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &job.out, "write to FILE", .unrecorded = true},
    {'t', "teacher", "FILE", OPT_STRING, &job.teacher, "the teacher", .unrecorded = true},
    {0, "heatmap", NULL, OPT_FLAG, &job.heatmap, "write a shard of overlays to look at"},
    {0, "shared-scale", NULL, OPT_FLAG, &job.shared_scale,
        "overlays: one colour scale for all images"},
    {0, "strict", NULL, OPT_FLAG, &job.strict, "stop at a corrupt image instead of skipping it"},
    {0},
};

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-attn", "[options] -t TEACHER [SHARD...]",
	    "Write the attention maps of images.", opts, true};
	int first = fd2_start(&tool, argc, argv);
	job.shards = argv + first;
	job.n_shards = argc - first;
	if (!job.teacher)
		die_usage("no teacher; give one with -t");
	if (job.shared_scale && !job.heatmap)
		die_usage("--shared-scale is for --heatmap");
	return fd2_finish(stage_run(stage_attn, &job));
}
