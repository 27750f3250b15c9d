/* fd2-attn: writes what the teacher sees in images: attention maps and representations, or pictures
 * of them. */
#include "lib/base/err.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/attn.h"

static struct attn_config config;

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &config.out, "write to FILE", .unrecorded = true,
        .file = FILE_WRITTEN},
    {'t', "teacher", "FILE", OPT_STRING, &config.teacher, "the teacher", .unrecorded = true,
        .file = FILE_READ},
    {0, "cut", "X", OPT_REAL, &config.cut, "leave out this share of an image on each side",
        .min = 0, .max = 0.45},
    {0, "features", NULL, OPT_FLAG, &config.features,
        "write the backbone's pooled features instead"},
    {0, "heatmap", NULL, OPT_FLAG, &config.heatmap, "write a shard of overlays to look at"},
    {0, "shared-scale", NULL, OPT_FLAG, &config.shared_scale,
        "overlays: one colour scale for all images"},
    {0, "strict", NULL, OPT_FLAG, &config.strict, "stop at a corrupt image instead of skipping it"},
    {0},
};

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-attn", "[options] -t TEACHER [SHARD...]",
	    "Write the attention maps of images.", opts, .wants_stdin = true};
	int first = fd2_start(&tool, argc, argv);
	config.shards = argv + first;
	config.n_shards = argc - first;
	if (!config.teacher)
		die_usage("no teacher; give one with -t");
	if (config.features && config.heatmap)
		die_usage("--features and --heatmap exclude each other");
	if (config.features && config.cut > 0)
		die_usage("--cut is for attention maps, which --features leaves out");
	if (config.shared_scale && !config.heatmap)
		die_usage("--shared-scale is for --heatmap");
	stage_end(stage_attn, &config);
}
