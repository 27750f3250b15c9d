/* fd2-eval: a student trained on distilled images, and its accuracy on real ones. */
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/stage.h"
#include "lib/fd2/jobs.h"
#include "lib/nn/archs.h"

#define HARD_MIN_SCALE 0.08
#define TEMPERATURE 20

static struct eval_job job = {
    .cache = 4096,
    .arch = "resnet18",
    .data = "syn",
    .val_every = 10,
    .lr = 1e-3,
    .weight_decay = 0.01,
    .temperature = TEMPERATURE,
    .zeta = 2,
    .min_scale = HARD_MIN_SCALE,
};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &job.out, "write the JSON line to FILE", .unrecorded = true},
    {'l', "labels", "FILE", OPT_STRING, &job.labels, "soft labels (default: standard input)", .unrecorded = true},
    {0, "hard", NULL, OPT_FLAG, &job.hard, "train on the classes themselves, without soft labels"},
    {0, "val", "SHARD", OPT_LIST, &job.val, "held-out shards (repeatable)", .unrecorded = true},
    {0, "save", "FILE", OPT_STRING, &job.save, "write the student; as safetensors if FILE ends so", .unrecorded = true},
    {'a', "arch", "NAME", OPT_CHOICE, &job.arch, "the student", .choices = ARCH_CHOICES},
    {0, "init", "FILE", OPT_STRING, &job.init, "start the student from a .pth, .safetensors or stream", .unrecorded = true},
    {'e', "epochs", "N", OPT_INT, &job.epochs, "epochs (0: all that are labelled; --hard: 300)", .min = 0, .max = 100000},
    {'b', "batch", "N", OPT_INT, &job.batch, "--hard: images a step (0: 16)", .min = 0, .max = 65536},
    {0, "reuse-labels", NULL, OPT_FLAG, &job.reuse_labels, "use labels again when there are more epochs than labels"},
    {'s', "size", "PX", OPT_INT, &job.size, "--hard: side of the input images (0: 224)", .min = 0, .max = 4096},
    {0, "min-scale", "X", OPT_REAL, &job.min_scale, "--hard: smallest crop's share of the area", .min = 0.001, .max = 1},
    {0, "label-smoothing", "X", OPT_REAL, &job.label_smoothing, "--hard: of the cross-entropy", .min = 0, .max = 0.9},
    {0, "fit", "HOW", OPT_CHOICE, &job.fit, "held-out photographs (default: as the teacher's)", .choices = "short|squash|whole"},
    {0, "lr", "X", OPT_REAL, &job.lr, "learning rate of AdamW", .min = 0, .max = 100},
    {0, "weight-decay", "X", OPT_REAL, &job.weight_decay, "on weights of two and more dimensions", .min = 0, .max = 10},
    {'T', "temperature", "X", OPT_REAL, &job.temperature, "of soft labels and student", .min = 0.01, .max = 1000},
    {0, "zeta", "X", OPT_REAL, &job.zeta, "cosine over zeta times the epochs", .min = 1, .max = 100},
    {0, "val-every", "N", OPT_INT, &job.val_every, "epochs between validations; 0: the last only", .min = 0, .max = 100000},
    {0, "data", "NAME", OPT_STRING, &job.data, "what the JSON calls the images: syn, random, real"},
    {0, "cache", "MIB", OPT_INT, &job.cache, "memory for decoded photographs; the rest are decoded again and again", .min = 1,
        .max = 1 << 24, .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &job.strict, "stop at a corrupt image instead of skipping it"},
    {0},
};

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-eval", "[options] --val SHARD [-l LABELS] SHARD...",
	    "Train a student on distilled images and print its accuracy as a JSON line.", opts, false};
	int first = fd2_start(&tool, argc, argv);
	job.shards = argv + first;
	job.n_shards = argc - first;
	if (!job.val.n)
		die_usage("no held-out images; give them with --val");
	if (job.save && !strcmp(job.save, job.out ? job.out : "-"))
		die_usage("--save and --output are both '%s'", job.save);
	if (!job.n_shards)
		die_usage("no distilled shard");
	if (!job.hard && (job.batch || job.size || job.label_smoothing > 0 || job.min_scale != HARD_MIN_SCALE))
		die_usage("--batch, --size, --min-scale and --label-smoothing are for --hard: soft labels bring their own");
	if (job.hard && job.temperature != TEMPERATURE)
		die_usage("--temperature is for soft labels, not for --hard");
	if (!job.hard && !job.labels && isatty(STDIN_FILENO))
		die_usage("no soft labels; give them with -l, pipe them in, or use --hard");
	if (job.hard && (job.labels || job.reuse_labels))
		die_usage("--hard and %s exclude each other", job.labels ? "--labels" : "--reuse-labels");
	return fd2_finish(stage_run("stage_eval", &job));
}
