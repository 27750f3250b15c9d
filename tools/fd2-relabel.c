/* fd2-relabel: writes batch-specific soft labels of distilled images. */
#include "lib/base/err.h"
#include "lib/base/out.h"
#include "lib/fd2/labels/relabel.h"
#include "lib/fd2/stage.h"

static struct relabel_config config = {
    .mix = MIX_CUTMIX, .epochs = 300, .fkd_seed = 42, .min_scale = 0.08, .fraction = 1};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &config.out, "write to FILE", .file = FILE_WRITTEN,
        .unrecorded = true},
    {'t', "teacher", "FILE", OPT_LIST, &config.teachers,
        "the teacher (repeatable: the mean of their logits)", .file = FILE_READ,
        .unrecorded = true},
    {0, "teacher-weights", "W,W,...", OPT_NUMBERS, &config.weights, "a weight for each teacher",
        .min = 0, .max = 1e6},
    {'e', "epochs", "N", OPT_INT, &config.epochs, "epochs of labels", .min = 1, .max = 100000},
    {'b', "batch", "N", OPT_INT, &config.batch,
        "images per batch (0: 16, or 10 for up to ten classes)", .min = 0, .max = 65536},
    {0, "bn", "HOW", OPT_CHOICE, &config.bn, "statistics of the batch's halves, or running ones",
        .choices = LABEL_BN_CHOICES},
    {0, "mix", "HOW", OPT_CHOICE, &config.mix, "how the images of a batch are mixed",
        .choices = MIX_CHOICES},
    {0, "min-scale", "X", OPT_REAL, &config.min_scale, "smallest crop, as a share of the area",
        .min = 0.001, .max = 1},
    {0, "shuffle-patches", NULL, OPT_FLAG, &config.shuffle_patches,
        "put the quarters of each image in random order"},
    {0, "dry-run", NULL, OPT_FLAG, &config.dry_run, "print what would be done, and write nothing",
        .unrecorded = true},
    {0, "label-fraction", "X", OPT_REAL, &config.fraction, "fraction of the batches to label",
        .min = 1e-6, .max = 1},
    {0, "keep", "X", OPT_REAL, &config.fraction, "--label-fraction", .min = 1e-6, .max = 1,
        .hidden = true},
    {0, "order", "WHOSE", OPT_CHOICE, &config.order,
        "order of the images: fd2's, or that of FKD's sampler", .choices = LABEL_ORDER_CHOICES},
    {0, "fkd-seed", "N", OPT_INT, &config.fkd_seed, "seed of --order fkd", .min = 0,
        .max = 9007199254740991.0},
    {0, "resume", NULL, OPT_FLAG, &config.resume, "continue from FILE.part and FILE.ckpt",
        .unrecorded = true},
    {0},
};

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-relabel", "[options] -t TEACHER [SHARD...]",
	    "Write soft labels of distilled images, epoch by epoch.", opts, .wants_stdin = true};
	int first = fd2_start(&tool, argc, argv);
	config.shards = argv + first;
	config.n_shards = argc - first;
	config.seed = (uint64_t)common.seed;
	if (!config.teachers.n)
		die_usage("no teacher; give one with -t");
	if (config.weights.n && config.weights.n != config.teachers.n)
		die_usage("--teacher-weights expects a number for each -t (%d), not %d",
		    config.teachers.n, config.weights.n);
	opt_needs("fkd-seed", config.order == ORDER_FKD, "--order fkd");
	resume_needs_file(out_is_file(config.out));
	stage_end(stage_relabel, &config);
}
