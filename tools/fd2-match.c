/* fd2-match: distils images by matching, without a teacher. */
#include <limits.h>
#include <math.h>

#include "lib/base/err.h"
#include "lib/base/out.h"
#include "lib/fd2/expert/convnet-depth.h"
#include "lib/fd2/match/match.h"
#include "lib/fd2/stage.h"
#include "tools/siamese-option.h"

static struct match_config config = {
    .in = {.fit = FIT_SHORT,
        .normal = {{IMAGENET_MEAN}, {IMAGENET_STD}},
        .size = 224,
        .cache = 4096},
    .out = {.quality = 95},
    .method = {.method = MATCHING_dm,
        .iterations = OPT_UNSET,
        .rounds = OPT_UNSET,
        .epochs = OPT_UNSET,
        .lr = NAN,
        .momentum = 0.5,
        .lr_net = 0.01,
        .real = 256,
        .part = 64,
        .trajectory = {.expert_epochs = 2,
            .steps = OPT_UNSET,
            .batch = 500,
            .first = OPT_UNSET,
            .upper = OPT_UNSET,
            .last = OPT_UNSET,
            .growth = 2000,
            .lr_labels = 10,
            .lr_step = 1e-4,
            .threshold = 1}},
    .ipc = 1,
    .classes = {0, LONG_MAX},
    .log_every = 10,
};

static struct opt_list augment;

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &config.out.path, "write to FILE", .unrecorded = true,
        .file = FILE_WRITTEN},
    {'n', "ipc", "N", OPT_INT, &config.ipc, "images per class", .min = 1, .max = 9999},
    {0, "method", "NAME", OPT_CHOICE, &config.method.method, "what is matched",
        .choices = MATCHING_CHOICES},
    {'a', "arch", "NAME", OPT_CHOICE, &config.method.depth, "network (default: as suits --size)",
        .min = DEPTH_LEAST, .choices = CONVNET_CHOICES},
    {'s', "size", "PX", OPT_INT, &config.in.size, "side of the images", .min = 8, .max = 4096},
    {0, "fit", "HOW", OPT_CHOICE, &config.in.fit,
        "photographs: short side to 8/7 size, squashed to it, or to the size", .min = FIT_SHORT,
        .choices = FIT_CHOICES},
    {0, "init", "WHAT", OPT_CHOICE, &config.start, "what images start as",
        .choices = MATCH_START_CHOICES},
    {0, "iterations", "N", OPT_INT, &config.method.iterations,
        "networks or students, one after the other (default: the method's)", .min = 0,
        .max = 10000000},
    {0, "lr", "X", OPT_REAL, &config.method.lr, "learning rate (default: the method's)", .min = 0,
        .max = 1e6},
    {0, "momentum", "X", OPT_REAL, &config.method.momentum, "momentum of SGD", .min = 0,
        .max = 0.9999},
    {0, "outer", "N", OPT_INT, &config.method.rounds,
        "dsa: rounds in each network (default: --ipc)", .min = 1, .max = 100000},
    {0, "inner", "N", OPT_INT, &config.method.epochs,
        "dsa: epochs on the images between rounds (default: by --ipc)", .min = 0, .max = 100000},
    {0, "lr-net", "X", OPT_REAL, &config.method.lr_net,
        "dsa: learning rate of these epochs; datm: of students, at the start", .min = 0,
        .max = 100},
    {0, "real", "N", OPT_INT, &config.method.real, "dm, dsa: photographs per class and network",
        .min = 1, .max = 65536},
    {'b', "batch", "N", OPT_INT, &config.method.part, "images in one pass, which bounds memory",
        .min = 1, .max = 65536},
    {0, "experts", "FILE", OPT_LIST, &config.method.experts,
        "datm: trajectories of fd2-expert (repeatable)", .unrecorded = true, .file = FILE_READ},
    {0, "expert-epochs", "N", OPT_INT, &config.method.trajectory.expert_epochs,
        "datm: epochs of an expert that a student imitates", .min = 1, .max = 100000},
    {0, "steps", "N", OPT_INT, &config.method.trajectory.steps,
        "datm: steps of a student (default: by --ipc)", .min = 1, .max = 100000},
    {0, "student-batch", "N", OPT_INT, &config.method.trajectory.batch,
        "datm: images in a step, at most", .min = 1, .max = 1000000},
    {0, "start-first", "N", OPT_INT, &config.method.trajectory.first,
        "datm: students start after this epoch or later (default: by --ipc)", .min = 0,
        .max = 100000},
    {0, "start-upper", "N", OPT_INT, &config.method.trajectory.upper,
        "datm: students start before this epoch, at first", .min = 1, .max = 100000},
    {0, "start-last", "N", OPT_INT, &config.method.trajectory.last,
        "datm: students start before this epoch, in the end", .min = 1, .max = 100000},
    {0, "start-growth", "N", OPT_INT, &config.method.trajectory.growth,
        "datm: iterations from --start-upper to --start-last", .min = 0, .max = 10000000},
    {0, "lr-labels", "X", OPT_REAL, &config.method.trajectory.lr_labels,
        "datm: learning rate of the labels", .min = 0, .max = 1e6},
    {0, "lr-step", "X", OPT_REAL, &config.method.trajectory.lr_step,
        "datm: learning rate of the students' learning rate", .min = 0, .max = 100},
    {0, "threshold", "X", OPT_REAL, &config.method.trajectory.threshold,
        "datm: an iteration with a larger loss changes nothing", .min = 0, .max = 1e9},
    {0, "augment", "KIND", OPT_LIST, &augment, "augmentations to draw from (default: all six)",
        .choices = SIAMESE_OPTION_CHOICES},
    {0, "classes", "A-B", OPT_RANGE, &config.classes, "only these classes, from 0"},
    {0, "quality", "Q", OPT_INT, &config.out.quality, "JPEG quality", .min = 1, .max = 100},
    {0, "pixels", "HOW", OPT_CHOICE, &config.out.pixels, "f16: also lossless, as .npy members",
        .choices = PIXELS_CHOICES},
    {0, "log-every", "N", OPT_INT, &config.log_every, "iterations between lines of --log", .min = 1,
        .max = 1000000, .unrecorded = true},
    {0, "dry-run", NULL, OPT_FLAG, &config.dry_run, "print what would be done, and write nothing",
        .unrecorded = true},
    {0, "resume", NULL, OPT_FLAG, &config.out.resume, "continue from FILE.ckpt if it exists",
        .unrecorded = true},
    {0, "checkpoint-every", "N", OPT_INT, &config.out.checkpoint_every,
        "also save FILE.ckpt every N iterations (0: only by time)", .min = 0, .max = 10000000,
        .unrecorded = true},
    {0, "cache", "MIB", OPT_INT, &config.in.cache, "memory for decoded photographs", .min = 1,
        .max = 1 << 24, .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &config.in.strict,
        "stop at a corrupt image instead of skipping it"},
    {0},
};

/* Rejects options that the method would ignore. */
static void check_method(void)
{
	static const char *const of_trajectories[] = {"experts", "expert-epochs", "steps",
	    "student-batch", "start-first", "start-upper", "start-last", "start-growth",
	    "lr-labels", "lr-step", "threshold"};
	bool trajectories = config.method.method == MATCHING_datm;
	for (size_t i = 0; i < sizeof of_trajectories / sizeof *of_trajectories; i++)
		opt_needs(of_trajectories[i], trajectories, "--method datm");
	opt_needs("real", !trajectories, "--method dm and dsa");
	opt_needs("init", !trajectories, "--method dm and dsa");
	if (trajectories && !config.method.experts.n)
		die_usage("--method datm needs trajectories of experts; give them with --experts");
}

static void check(void)
{
	resume_needs_file(out_is_file(config.out.path));
	opt_needs("checkpoint-every", out_is_file(config.out.path), "-o FILE");
	opt_needs("log-every", common.log != NULL, "--log");
}

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-match", "[options] [SHARD...]",
	    "Distil images by matching the shards' photographs, without a teacher.", opts,
	    .wants_stdin = true, .without = "dtype"};
	int first = fd2_start(&tool, argc, argv);
	config.in.shards = argv + first;
	config.in.n_shards = argc - first;
	config.seed = common.seed;
	config.method.augment = siamese_option(&augment);
	check_method();
	check();
	stage_end(stage_match, &config);
}
