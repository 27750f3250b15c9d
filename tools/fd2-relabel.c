/* fd2-relabel: batch-specific soft labels of distilled images. */
#include "lib/base/err.h"
#include "lib/fd2/labels/job.h"
#include "lib/fd2/stage.h"

static struct relabel_job job = {
    .mix = MIX_CUTMIX, .epochs = 300, .fkd_seed = 42, .min_scale = 0.08, .keep = 1};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &job.out, "write to FILE", .file = FILE_WRITTEN,
        .unrecorded = true},
    {'t', "teacher", "FILE", OPT_LIST, &job.teachers,
        "the teacher (repeatable: the mean of their logits)", .file = FILE_READ,
        .unrecorded = true},
    {0, "teacher-weights", "W,W,...", OPT_NUMBERS, &job.weights, "a weight for each teacher",
        .min = 0, .max = 1e6},
    {'e', "epochs", "N", OPT_INT, &job.epochs, "epochs of labels", .min = 1, .max = 100000},
    {'b', "batch", "N", OPT_INT, &job.batch, "images a batch (0: 16, or 10 up to ten classes)",
        .min = 0, .max = 65536},
    {0, "bn", "HOW", OPT_CHOICE, &job.bn, "statistics of the batch's halves, or running ones",
        .choices = LABEL_BN_CHOICES},
    {0, "mix", "HOW", OPT_CHOICE, &job.mix, "mixing of a batch's images", .choices = MIX_CHOICES},
    {0, "min-scale", "X", OPT_REAL, &job.min_scale, "smallest crop's share of the area",
        .min = 0.001, .max = 1},
    {0, "shuffle-patches", NULL, OPT_FLAG, &job.shuffle_patches,
        "put the quarters of each image in random order"},
    {0, "keep", "X", OPT_REAL, &job.keep, "share of the batches that are labelled", .min = 1e-6,
        .max = 1},
    {0, "order", "WHOSE", OPT_CHOICE, &job.order, "order of the images: fd2's, or FKD's sampler's",
        .choices = "own|fkd"},
    {0, "fkd-seed", "N", OPT_INT, &job.fkd_seed, "seed of --order fkd", .min = 0,
        .max = 9007199254740991.0},
    {0},
};

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-relabel", "[options] -t TEACHER [SHARD...]",
	    "Write soft labels of distilled images, epoch by epoch.", opts, true};
	int first = fd2_start(&tool, argc, argv);
	job.shards = argv + first;
	job.n_shards = argc - first;
	if (!job.teachers.n)
		die_usage("no teacher; give one with -t");
	if (job.weights.n && job.weights.n != job.teachers.n)
		die_usage("--teacher-weights has %d numbers for %d teachers", job.weights.n,
		    job.teachers.n);
	return fd2_finish(stage_run(stage_relabel, &job));
}
