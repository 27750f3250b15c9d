/* fd2-teacher: trains Backbone+CAL on image shards. */
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/out.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/cal.h"
#include "lib/fd2/teacher/import-teacher.h"
#include "lib/fd2/teacher/train-teacher.h"

enum { EPOCHS = 300 };

static struct teacher_config config = {
    .in.cache = 4096,
    .network = {.arch = ARCH_resnet18,
        .fit = FIT_SHORT,
        .maps = 8,
        .size = 224,
        .last_stride = 2,
        .normal = {{IMAGENET_MEAN}, {IMAGENET_STD}}},
    .loss = {.alpha = 0.5, .eta = 1, .mu = 0.05},
    .schedule = {.epochs = OPT_UNSET, .batch = 64, .lr = 0.01},
    .sgd = {.momentum = 0.9, .weight_decay = 1e-4, .cal_lr = 0.1},
    .augment = {.min_scale = 0.08},
};

static struct import_config import;

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &config.out.last, "write the last epoch's teacher to FILE",
        .unrecorded = true, .file = FILE_WRITTEN},
    {0, "best", "FILE", OPT_STRING, &config.out.best,
        "also write the best epoch's teacher (needs --val)", .unrecorded = true,
        .file = FILE_WRITTEN},
    {0, "val", "SHARD", OPT_LIST, &config.in.val,
        "held-out shards; both branches' accuracy each epoch", .unrecorded = true,
        .file = FILE_READ},
    {0, "fast-val", NULL, OPT_FLAG, &config.in.fast_val,
        "validate in --dtype, on JPEGs decoded at reduced scale"},
    {'a', "arch", "NAME", OPT_CHOICE, &config.network.arch, "backbone", .choices = ARCH_CHOICES},
    {0, "init", "FILE", OPT_STRING, &config.in.init,
        "start the backbone from a .pth, .safetensors or stream", .unrecorded = true,
        .file = FILE_READ},
    {0, "import", "FILE", OPT_STRING, &import.weights,
        "write a trained network as a teacher, without training", .unrecorded = true,
        .file = FILE_READ},
    {0, "classes-from", "FILE", OPT_STRING, &import.classes,
        "--import: names of its classes, a list or a shard", .unrecorded = true, .file = FILE_READ},
    {'M', "maps", "M", OPT_INT, &config.network.maps, "attention maps", .min = 1, .max = MAPS_MAX},
    {0, "alpha", "X", OPT_REAL, &config.loss.alpha, "weight of CAL's loss (Eq. 8)", .min = 0,
        .max = 1},
    {0, "eta", "X", OPT_REAL, &config.loss.eta, "weight of the centre loss (Eq. 6)", .min = 0,
        .max = 100},
    {0, "mu", "X", OPT_REAL, &config.loss.mu, "momentum of the prototypes (Eq. 5)", .min = 1e-6,
        .max = 1},
    {0, "center-update", "RULE", OPT_CHOICE, &config.loss.center_update,
        "of the prototypes: Eq. 5, or CAL's program's", .choices = CENTER_CHOICES},
    {0, "cal-augment", NULL, OPT_FLAG, &config.loss.cal_augment,
        "also attention-guided crops and drops, with CAL's weights"},
    {'s', "size", "PX", OPT_INT, &config.network.size, "side of the input images", .min = 8,
        .max = 4096},
    {0, "last-stride", "N", OPT_INT, &config.network.last_stride, "stride of a ResNet's last stage",
        .min = 1, .max = 2},
    {'e', "epochs", "N", OPT_INT, &config.schedule.epochs, "epochs (default: 300)", .min = 1,
        .max = 100000},
    {'b', "batch", "N", OPT_INT, &config.schedule.batch, "images per step", .min = 2, .max = 65536},
    {0, "lr", "X", OPT_REAL, &config.schedule.lr, "learning rate", .min = 0, .max = 100},
    {0, "schedule", "HOW", OPT_CHOICE, &config.schedule.kind, "cosine to 0, or lr 0.9^(epoch/2)",
        .choices = TEACHER_SCHEDULE_CHOICES},
    {0, "warmup", "N", OPT_REAL, &config.schedule.warmup, "epochs of linear warm-up", .min = 0,
        .max = 1000},
    {0, "momentum", "X", OPT_REAL, &config.sgd.momentum, "momentum of SGD", .min = 0,
        .max = 0.9999},
    {0, "nesterov", NULL, OPT_FLAG, &config.sgd.nesterov, "Nesterov's momentum"},
    {0, "weight-decay", "X", OPT_REAL, &config.sgd.weight_decay, "weight decay", .min = 0,
        .max = 1},
    {0, "cal-lr", "X", OPT_REAL, &config.sgd.cal_lr,
        "learning rate of CAL's classifier, as a share of --lr", .min = 0, .max = 1},
    {0, "clip", "X", OPT_REAL, &config.sgd.clip, "clip the gradient to this norm; 0: do not",
        .min = 0, .max = 1e6},
    {0, "ema", "X", OPT_REAL, &config.sgd.ema,
        "decay of an average of the weights, which is written; 0: none", .min = 0, .max = 0.999999},
    {0, "label-smoothing", "X", OPT_REAL, &config.loss.smoothing,
        "label smoothing of every cross-entropy", .min = 0, .max = 0.9},
    {0, "augment", "HOW", OPT_CHOICE, &config.augment.crop,
        "random resized crops or plain crops, with flips", .choices = CROP_CHOICES},
    {0, "min-scale", "X", OPT_REAL, &config.augment.min_scale,
        "smallest crop, as a share of the area", .min = 0.001, .max = 1},
    {0, "fit", "HOW", OPT_CHOICE, &config.network.fit,
        "photographs: short side to 8/7 size, squashed to it, or to the size", .min = FIT_SHORT,
        .choices = FIT_CHOICES},
    {0, "mean", "R,G,B", OPT_REALS, &config.network.normal.mean,
        "mean of the pixels, for normalisation", .min = 0, .max = 1, .count = 3},
    {0, "std", "R,G,B", OPT_REALS, &config.network.normal.std, "standard deviation of the pixels",
        .min = 0.001, .max = 10, .count = 3},
    {0, "jitter", "B,C,S,H", OPT_REALS, &config.augment.jitter.amount,
        "change brightness, contrast, saturation, hue", .min = 0, .max = 1, .count = 4},
    {0, "rotate", "DEG", OPT_REAL, &config.augment.jitter.degrees,
        "turn images by up to DEG degrees", .min = 0, .max = 180},
    {0, "checkpoint-every", "N", OPT_INT, &config.out.checkpoint_every,
        "save FILE.ckpt every N epochs too", .min = 0, .max = 100000, .unrecorded = true},
    {0, "extend", "N", OPT_INT, &config.out.extend, "train the finished FILE for N more epochs",
        .min = 0, .max = 100000, .unrecorded = true},
    {0, "dry-run", NULL, OPT_FLAG, &config.dry_run, "print what would be done, and write nothing",
        .unrecorded = true},
    {0, "resume", NULL, OPT_FLAG, &config.out.resume, "continue from FILE.ckpt if it exists",
        .unrecorded = true},
    {0, "cache", "MIB", OPT_INT, &config.in.cache,
        "memory for decoded photographs; the rest are decoded each time", .min = 1, .max = 1 << 24,
        .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &config.in.strict,
        "stop at a corrupt image instead of skipping it"},
    {0},
};

static void check_import(void)
{
	static const char why[] = "--import trains nothing";
	static const char *const of_training[] = {"augment", "batch", "best", "cache",
	    "cal-augment", "cal-lr", "center-update", "checkpoint-every", "clip", "dry-run", "ema",
	    "epochs", "eta", "extend", "fast-val", "init", "jitter", "label-smoothing", "lr",
	    "maps", "min-scale", "momentum", "mu", "nesterov", "resume", "rotate", "schedule",
	    "strict", "val", "warmup", "weight-decay", NULL};
	if (config.in.n_shards)
		die_usage("%s: remove the shards", why);
	opts_exclude(of_training, why);
}

static void check_training(void)
{
	if (import.classes)
		die_usage("--classes-from is for --import");
	if (!config.in.n_shards && isatty(STDIN_FILENO))
		die_usage("nothing to read: name a file, or pipe one in");
}

static void check(void)
{
	const struct teacher_outputs *out = &config.out;
	struct teacher_schedule *schedule = &config.schedule;
	resume_needs_file(out_is_file(out->last));
	opt_needs("checkpoint-every", out_is_file(out->last), "-o FILE");
	opt_needs("extend", out_is_file(out->last), "-o FILE, the teacher to go on with");
	opt_needs("fast-val", config.in.val.n > 0, "--val");
	opt_needs("min-scale", config.augment.crop == CROP_RESIZED, "--augment rrc");
	opt_needs("nesterov", config.sgd.momentum > 0, "--momentum above 0");
	if (out->best && !config.in.val.n)
		die_usage("--best needs --val: without held-out images no epoch is the best");
	if (out->extend && config.in.init)
		die_usage("--extend and --init exclude each other");
	if (out->extend && schedule->epochs != OPT_UNSET)
		die_usage("--extend and --epochs exclude each other");
	if (schedule->epochs == OPT_UNSET)
		schedule->epochs = out->extend ? out->extend : EPOCHS;
	if (config.augment.jitter.amount[3] > 0.5)
		die_usage("--jitter expects a hue of at most 0.5, half of the circle, not %g",
		    config.augment.jitter.amount[3]);
	if (schedule->kind == TEACHER_SCHEDULE_EXP && schedule->warmup > 0)
		die_usage("--warmup is for --schedule cosine");
	if (schedule->warmup >= (double)schedule->epochs)
		die_usage("--warmup must be shorter than --epochs");
}

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-teacher", "[options] [SHARD...]",
	    "Train a teacher, Backbone+CAL, on image shards.", opts};
	int first = fd2_start(&tool, argc, argv);
	config.in.shards = argv + first;
	config.in.n_shards = argc - first;
	config.seed = (uint64_t)common.seed;
	if (import.weights) {
		check_import();
		import.out = config.out.last;
		import.network = config.network;
		import.alpha = config.loss.alpha;
		stage_end(stage_import_teacher, &import);
	}
	check();
	check_training();
	stage_end(stage_teacher, &config);
}
