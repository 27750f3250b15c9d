/* fd2-exchange: converts distilled images and soft labels to other programs' formats, and back. See
 * fd2-exchange(1). */
#include <string.h>

#include "formats/input.h"
#include "lib/base/err.h"
#include "lib/data/exchange/exchange.h"
#include "lib/fd2/labels/exchange.h"
#include "lib/fd2/stage.h"

static enum { FROM_UNSET = -1, FROM_IMAGES, FROM_FKD } from = FROM_UNSET;
static enum {
	TO_UNSET = -1,
	TO_CV_DD,
	TO_FADRM,
	TO_RDED,
	TO_FKD
} to = TO_UNSET; /* the first three: indices into exchange_forms */
static const char *classes;
static struct fkd_job job = {.fkd_seed = 42, .bn = LABEL_BN_UNSET, .branch = FKD_BACKBONE};

static const struct opt opts[] = {
    {0, "bn", "HOW", OPT_CHOICE, &job.bn, "of --from fkd: statistics the teacher used",
        .choices = LABEL_BN_CHOICES},
    {0, "branch", "NAME", OPT_CHOICE, &job.branch,
        "of --from fkd: whose labels, where FD2's authors save two", .choices = FKD_BRANCHES},
    {0, "two-branches", NULL, OPT_FLAG, &job.two_branches,
        "of --to fkd: as FD2's authors save labels, CAL's unknown"},
    {0, "classes", "FILE", OPT_STRING, &classes,
        "of --from images: class names, from a text, a shard or a folder", .file = FILE_READ,
        .unrecorded = true},
    {0, "fkd-seed", "N", OPT_INT, &job.fkd_seed, "seed of FKD's sampler", .min = 0,
        .max = 9007199254740991.0},
    {0, "from", "FORM", OPT_CHOICE, &from, "read folders of images, or a store of labels",
        .choices = "images|fkd"},
    {0, "images", "SHARD", OPT_LIST, &job.images,
        "the images that labels belong to (may be repeated)", .file = FILE_READ,
        .unrecorded = true},
    {'o', "output", "PATH", OPT_STRING, &job.out, "write PATH", .file = FILE_WRITTEN,
        .unrecorded = true},
    {'s', "size", "N", OPT_INT, &job.size, "of --from fkd: side of the network's input", .min = 0,
        .max = 4096},
    {0, "to", "FORM", OPT_CHOICE, &to, "write folders of images, or a store of labels",
        .choices = EXCHANGE_CHOICES "|fkd"},
    {0},
};

static const struct tool tool = {"fd2-exchange",
    "[options] --to FORM | --from FORM [-o PATH] FILE...",
    "Export distilled images and labels to other programs, or import theirs.", opts,
    .without = "device dtype seed"};

/* Rejects options that the form would ignore. */
static void check(int operands)
{
	bool labels = to == TO_FKD || from == FROM_FKD;
	if ((to == TO_UNSET) == (from == FROM_UNSET))
		die_usage("give one of --to and --from");
	if (!operands)
		die_usage("no input; name a shard, a label stream or a folder");
	if (operands > 1 && (from != FROM_UNSET || labels))
		die_usage(
		    "%s takes one input, not %d", to == TO_FKD ? "--to fkd" : "--from", operands);
	if (to != TO_UNSET && (!job.out || !strcmp(job.out, "-")))
		die_usage("name the folder to write with -o");
	if (labels && !job.images.n)
		die_usage("name the shard that the labels belong to with --images");
	if (!labels && job.images.n)
		die_usage("--images goes with labels; images themselves are named without it");
	opt_needs("fkd-seed", labels, "--to fkd and --from fkd");
	if (classes && from != FROM_IMAGES)
		die_usage("--classes goes with --from images");
	if (job.branch != FKD_BACKBONE && from != FROM_FKD)
		die_usage("--branch goes with --from fkd");
	if (job.two_branches && to != TO_FKD)
		die_usage("--two-branches goes with --to fkd");
	if ((job.bn != LABEL_BN_UNSET || job.size) && from != FROM_FKD)
		die_usage("--%s goes with --from fkd", job.bn != LABEL_BN_UNSET ? "bn" : "size");
}

static int write_images(char *const *shards, int n)
{
	for (int i = 0; i < n; i++)
		if (input_is_pipe(shards[i]))
			die_usage("shards are read twice, and so cannot come through a pipe");
	return exchange_write(&exchange_forms[to], shards, n, job.out);
}

int main(int argc, char **argv)
{
	int first = fd2_start(&tool, argc, argv);
	check(argc - first);
	job.from = argv[first];
	if (to == TO_FKD)
		stage_end(stage_fkd_write, &job);
	if (from == FROM_FKD)
		stage_end(stage_fkd_read, &job);
	return fd2_finish(from == FROM_IMAGES ? exchange_read(job.from, classes, job.out)
	                                      : write_images(argv + first, argc - first));
}
