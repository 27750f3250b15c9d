/* fd2-expert: writes trajectories of networks that are trained on photographs. */
#include "lib/base/err.h"
#include "lib/base/out.h"
#include "lib/fd2/expert/convnet-depth.h"
#include "lib/fd2/expert/expert.h"
#include "lib/fd2/stage.h"
#include "tools/siamese-option.h"

static struct expert_config config = {
    .in = {.fit = FIT_SHORT,
        .normal = {{IMAGENET_MEAN}, {IMAGENET_STD}},
        .size = 224,
        .cache = 4096},
    .experts = 100,
    .epochs = 100,
    .batch = 256,
    .part = 64,
    .lr = 0.01,
};

static struct opt_list augment;

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &config.out, "write to FILE", .unrecorded = true,
        .file = FILE_WRITTEN},
    {'n', "experts", "N", OPT_INT, &config.experts, "networks, one after the other", .min = 1,
        .max = 100000},
    {'e', "epochs", "N", OPT_INT, &config.epochs, "epochs of each", .min = 1, .max = 100000},
    {'a', "arch", "NAME", OPT_CHOICE, &config.depth, "network (default: as suits --size)",
        .min = DEPTH_LEAST, .choices = CONVNET_CHOICES},
    {'s', "size", "PX", OPT_INT, &config.in.size, "side of the input images", .min = 8,
        .max = 4096},
    {0, "fit", "HOW", OPT_CHOICE, &config.in.fit,
        "photographs: short side to 8/7 size, squashed to it, or to the size", .min = FIT_SHORT,
        .choices = FIT_CHOICES},
    {'b', "batch", "N", OPT_INT, &config.batch, "photographs per step", .min = 1, .max = 65536},
    {0, "part", "N", OPT_INT, &config.part, "photographs in one pass, which bounds memory",
        .min = 1, .max = 65536},
    {0, "lr", "X", OPT_REAL, &config.lr, "learning rate of SGD", .min = 0, .max = 100},
    {0, "decay", NULL, OPT_FLAG, &config.decay, "a tenth of --lr in the second half of the epochs"},
    {0, "momentum", "X", OPT_REAL, &config.momentum, "momentum of SGD", .min = 0, .max = 0.9999},
    {0, "weight-decay", "X", OPT_REAL, &config.weight_decay, "weight decay", .min = 0, .max = 1},
    {0, "augment", "KIND", OPT_LIST, &augment, "augmentations to draw from (default: all six)",
        .choices = SIAMESE_OPTION_CHOICES},
    {0, "dry-run", NULL, OPT_FLAG, &config.dry_run, "print what would be done, and write nothing",
        .unrecorded = true},
    {0, "resume", NULL, OPT_FLAG, &config.resume, "continue from FILE.part and FILE.ckpt",
        .unrecorded = true},
    {0, "checkpoint-every", "N", OPT_INT, &config.checkpoint_every,
        "save FILE.ckpt every N epochs too", .min = 0, .max = 100000, .unrecorded = true},
    {0, "cache", "MIB", OPT_INT, &config.in.cache, "memory for decoded photographs", .min = 1,
        .max = 1 << 24, .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &config.in.strict,
        "stop at a corrupt image instead of skipping it"},
    {0},
};

static void check(void)
{
	resume_needs_file(out_is_file(config.out));
	opt_needs("checkpoint-every", out_is_file(config.out), "-o FILE");
}

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-expert", "[options] [SHARD...]",
	    "Train networks on image shards, and write their weights after each epoch.", opts,
	    .wants_stdin = true, .without = "dtype"};
	int first = fd2_start(&tool, argc, argv);
	config.in.shards = argv + first;
	config.in.n_shards = argc - first;
	config.seed = (uint64_t)common.seed;
	config.augment = siamese_option(&augment);
	check();
	stage_end(stage_expert, &config);
}
