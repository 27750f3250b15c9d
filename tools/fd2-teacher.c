/* fd2-teacher: trains Backbone+CAL on image shards. */
#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/job.h"
#include "lib/nn/archs.h"

static struct teacher_job job = {
    .cache = 4096,
    .arch = ARCH_resnet18,
    .fit = FIT_SHORT,
    .maps = 8,
    .size = 224,
    .last_stride = 2,
    .epochs = 300,
    .batch = 64,
    .checkpoint_every = 10,
    .alpha = 0.5,
    .eta = 1,
    .mu = 0.05,
    .lr = 0.01,
    .momentum = 0.9,
    .weight_decay = 1e-4,
    .min_scale = 0.08,
    .cal_lr = 0.1,
    .mean = {0.485, 0.456, 0.406},
    .std = {0.229, 0.224, 0.225},
};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &job.out, "write the last epoch's teacher to FILE",
        .unrecorded = true},
    {0, "best", "FILE", OPT_STRING, &job.best, "also write the best epoch's teacher (wants --val)",
        .unrecorded = true},
    {0, "val", "SHARD", OPT_LIST, &job.val, "held-out shards; both branches' accuracy each epoch",
        .unrecorded = true},
    {'a', "arch", "NAME", OPT_CHOICE, &job.arch, "backbone", .choices = ARCH_CHOICES},
    {0, "init", "FILE", OPT_STRING, &job.init,
        "start the backbone from a .pth, .safetensors or stream", .unrecorded = true},
    {'M', "maps", "M", OPT_INT, &job.maps, "attention maps", .min = 1, .max = 1024},
    {0, "alpha", "X", OPT_REAL, &job.alpha, "weight of CAL's loss (Eq. 8)", .min = 0, .max = 1},
    {0, "eta", "X", OPT_REAL, &job.eta, "weight of the centre loss (Eq. 6)", .min = 0, .max = 100},
    {0, "mu", "X", OPT_REAL, &job.mu, "momentum of the prototypes (Eq. 5)", .min = 1e-6, .max = 1},
    {0, "center-update", "RULE", OPT_CHOICE, &job.center_update,
        "of the prototypes: Eq. 5, or CAL's program's", .choices = "paper|cal"},
    {0, "cal-augment", NULL, OPT_FLAG, &job.cal_augment,
        "also attention-guided crops and drops, with CAL's weights"},
    {'s', "size", "PX", OPT_INT, &job.size, "side of the input images", .min = 8, .max = 4096},
    {0, "last-stride", "N", OPT_INT, &job.last_stride, "stride of a ResNet's last stage", .min = 1,
        .max = 2},
    {'e', "epochs", "N", OPT_INT, &job.epochs, "epochs", .min = 1, .max = 100000},
    {'b', "batch", "N", OPT_INT, &job.batch, "images a step", .min = 2, .max = 65536},
    {0, "lr", "X", OPT_REAL, &job.lr, "learning rate", .min = 0, .max = 100},
    {0, "schedule", "HOW", OPT_CHOICE, &job.schedule, "cosine to 0, or lr 0.9^(epoch/2)",
        .choices = "cosine|exp"},
    {0, "warmup", "N", OPT_REAL, &job.warmup, "epochs of linear warm-up", .min = 0, .max = 1000},
    {0, "momentum", "X", OPT_REAL, &job.momentum, "of SGD", .min = 0, .max = 0.9999},
    {0, "nesterov", NULL, OPT_FLAG, &job.nesterov, "Nesterov's momentum"},
    {0, "weight-decay", "X", OPT_REAL, &job.weight_decay, "weight decay", .min = 0, .max = 1},
    {0, "cal-lr", "X", OPT_REAL, &job.cal_lr,
        "learning rate of CAL's classifier, as a share of --lr", .min = 0, .max = 1},
    {0, "clip", "X", OPT_REAL, &job.clip, "largest norm of the gradient; 0: any", .min = 0,
        .max = 1e6},
    {0, "ema", "X", OPT_REAL, &job.ema,
        "decay of an average of the weights, which is written; 0: none", .min = 0, .max = 0.999999},
    {0, "label-smoothing", "X", OPT_REAL, &job.label_smoothing, "of every cross-entropy", .min = 0,
        .max = 0.9},
    {0, "augment", "HOW", OPT_CHOICE, &job.augment,
        "random resized crops or plain crops, with flips", .choices = CROP_CHOICES},
    {0, "min-scale", "X", OPT_REAL, &job.min_scale, "smallest crop's share of the area",
        .min = 0.001, .max = 1},
    {0, "fit", "HOW", OPT_CHOICE, &job.fit,
        "photographs: short side to 8/7 size, squashed to it, or to the size", .min = FIT_SHORT,
        .choices = FIT_CHOICES},
    {0, "mean", "R,G,B", OPT_REALS, &job.mean, "of the pixels, which are normalised by it",
        .min = 0, .max = 1, .count = 3},
    {0, "std", "R,G,B", OPT_REALS, &job.std, "their deviation", .min = 0.001, .max = 10,
        .count = 3},
    {0, "jitter", "B,C,S,H", OPT_REALS, &job.jitter, "change brightness, contrast, saturation, hue",
        .min = 0, .max = 1, .count = 4},
    {0, "rotate", "DEG", OPT_REAL, &job.rotate, "turn images by up to DEG degrees", .min = 0,
        .max = 180},
    {0, "checkpoint-every", "N", OPT_INT, &job.checkpoint_every,
        "epochs between FILE.ckpt; 0: none", .min = 0, .max = 100000, .unrecorded = true},
    {0, "resume", NULL, OPT_FLAG, &job.resume, "go on from FILE.ckpt if it is there",
        .unrecorded = true},
    {0, "cache", "MIB", OPT_INT, &job.cache,
        "memory for decoded photographs; the rest are decoded again and again", .min = 1,
        .max = 1 << 24, .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &job.strict, "stop at a corrupt image instead of skipping it"},
    {0},
};

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-teacher", "[options] [SHARD...]",
	    "Train a teacher, Backbone+CAL, on image shards.", opts, true};
	int first = fd2_start(&tool, argc, argv);
	job.shards = argv + first;
	job.n_shards = argc - first;
	if (job.resume && (!job.out || !strcmp(job.out, "-")))
		die_usage("--resume wants a file to go on with: give it with -o");
	if (job.best && !job.val.n)
		die_usage("--best wants --val: without held-out images no epoch is the best");
	if (job.best && !strcmp(job.best, job.out ? job.out : "-"))
		die_usage("--best and --output are both '%s'", job.best);
	if (job.jitter[3] > 0.5)
		die_usage("--jitter wants a hue of at most 0.5, not %g: that is all the way round",
		    job.jitter[3]);
	if (job.schedule == SCHEDULE_EXP && job.warmup > 0)
		die_usage("--warmup is for --schedule cosine");
	if (job.warmup >= (double)job.epochs)
		die_usage("--warmup must be shorter than --epochs");
	return fd2_finish(stage_run(stage_teacher, &job));
}
