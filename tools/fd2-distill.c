/* fd2-distill: distilled images from teachers and real images, by a base method with FD2's
 * constraints. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/stage.h"
#include "lib/fd2/distill/job.h"
#include "lib/fd2/distill/methods.h"

static struct distill_job job = {
    .cache = 4096,
    .method = METHOD_sre2l_plus,
    .init = START_UNSET,
    .difficulty = DIFFICULTY_MEDIUM,
    .ipc = 1,
    .group = 4,
    .batch = 100,
    .steps = OPT_UNSET,
    .ls_every = 1,
    .crops = 5,
    .quality = 95,
    .log_every = 100,
    .classes = {0, LONG_MAX},
    .alpha = -1,
    .beta = 0.5,
    .lambda = 0.8,
    .lr = NAN,
    .r_bn = NAN,
    .residual = NAN,
    .min_scale = 0.08,
};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &job.out, "write to FILE", .unrecorded = true},
    {'t', "teacher", "FILE", OPT_LIST, &job.teachers, "the teacher; fadrm+ takes several",
        .unrecorded = true},
    {'p', "protos", "FILE", OPT_LIST, &job.protos, "its prototypes (default: the teacher's own)",
        .unrecorded = true},
    {'n', "ipc", "N", OPT_INT, &job.ipc, "images per class", .min = 1, .max = 9999},
    {0, "method", "NAME", OPT_CHOICE, &job.method, "base method", .choices = METHOD_CHOICES},
    {0, "init", "WHAT", OPT_CHOICE, &job.init, "what images begin as (default: the method's)",
        .choices = START_CHOICES},
    {0, "init-images", "SHARD", OPT_STRING, &job.init_images, "images to begin with instead",
        .unrecorded = true},
    {0, "plain", NULL, OPT_FLAG, &job.plain, "the base method alone, without FD2"},
    {0, "no-lf", NULL, OPT_FLAG, &job.no_lf, "without the characteristic constraint (Eq. 9)"},
    {0, "no-ls", NULL, OPT_FLAG, &job.no_ls, "without the similarity constraint (Eq. 10)"},
    {0, "alpha", "X", OPT_REAL, &job.alpha, "of Eq. 11 (-1: the teacher's)", .min = -1, .max = 1},
    {0, "beta", "X", OPT_REAL, &job.beta, "of Eq. 9", .min = 0, .max = 1},
    {0, "lambda", "X", OPT_REAL, &job.lambda, "of Eq. 12", .min = 0, .max = 1},
    {0, "other", "WHAT", OPT_CHOICE, &job.other, "L_other: BN term, or its cross-entropy too",
        .choices = "bn|full"},
    {'g', "group", "N", OPT_INT, &job.group, "images in a group, N_S", .min = 1, .max = 64},
    {0, "together", "N", OPT_INT, &job.together,
        "image indices in a pass (0: 1; on a GPU, to make 100 images)", .min = 0, .max = 64},
    {0, "ls-view", "VIEW", OPT_CHOICE, &job.ls_view, "what L_S compares",
        .choices = LS_VIEW_CHOICES},
    {0, "ls-every", "N", OPT_INT, &job.ls_every, "plain view: L_S every Nth step", .min = 1,
        .max = 1000},
    {0, "id", "I", OPT_INT, &job.id, "only the I-th image of each group (0: all)", .min = 0,
        .max = 64},
    {0, "attn", "FILE", OPT_LIST, &job.attn, "attention of the group's earlier images",
        .unrecorded = true},
    {0, "previous", "SHARD", OPT_STRING, &job.previous, "those images, for --ls-view same and once",
        .unrecorded = true},
    {0, "classes", "A-B", OPT_RANGE, &job.classes, "only these classes, from 0"},
    {'b', "batch", "N", OPT_INT, &job.batch, "classes a step", .min = 1, .max = 65536},
    {0, "steps", "N", OPT_INT, &job.steps, "steps an image (default: the method's)", .min = 0,
        .max = 10000000},
    {0, "sizes", "N,N,...", OPT_INTS, &job.sizes,
        "side of the images in each part (default: the method's)", .min = 8, .max = 4096},
    {0, "residual", "X", OPT_REAL, &job.residual,
        "initial image's share between parts (default: the method's)", .min = 0, .max = 1},
    {0, "lr", "X", OPT_REAL, &job.lr, "learning rate, cosine to 0 (default: the method's)",
        .min = 0, .max = 100},
    {0, "r-bn", "X", OPT_REAL, &job.r_bn,
        "weight of the BN-statistics loss (default: the method's)", .min = 0, .max = 1e6},
    {0, "bn-form", "FORM", OPT_CHOICE, &job.bn_form, "sum over layers, or mean",
        .choices = BN_FORM_CHOICES},
    {0, "bn-head", NULL, OPT_FLAG, &job.bn_head, "count the attention head's BatchNorm too"},
    {0, "min-scale", "X", OPT_REAL, &job.min_scale, "smallest crop's share of the area",
        .min = 0.001, .max = 1},
    {0, "crops", "N", OPT_INT, &job.crops, "crops scored a real image", .min = 1, .max = 1000},
    {0, "difficulty", "HOW", OPT_CHOICE, &job.difficulty, "which patches images start from",
        .choices = DIFFICULTY_CHOICES},
    {0, "quality", "Q", OPT_INT, &job.quality, "of the JPEGs", .min = 1, .max = 100},
    {0, "pixels", "HOW", OPT_CHOICE, &job.pixels, "f16: also lossless, as .npy members",
        .choices = "jpeg|f16"},
    {0, "log-every", "N", OPT_INT, &job.log_every, "steps between loss terms in --log", .min = 1,
        .max = 1000000, .unrecorded = true},
    {0, "resume", NULL, OPT_FLAG, &job.resume, "keep the finished images of FILE.part",
        .unrecorded = true},
    {0, "cache", "MIB", OPT_INT, &job.cache,
        "memory for decoded photographs; the rest are decoded again and again", .min = 1,
        .max = 1 << 24, .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &job.strict, "stop at a corrupt image instead of skipping it"},
    {0},
};

static void check(void)
{
	bool images = job.ls_view == LS_SAME || job.ls_view == LS_ONCE;
	if (!job.teachers.n)
		die_usage("no teacher; give one with -t");
	if (job.protos.n && job.protos.n != job.teachers.n)
		die_usage("-t is given %d times and -p %d; give -p once for each -t, in the same "
		          "order, or not at all",
		    job.teachers.n, job.protos.n);
	if (job.resume && (!job.out || !strcmp(job.out, "-")))
		die_usage("--resume wants a file to go on with: give it with -o");
	if (job.init != START_UNSET && job.init_images)
		die_usage("--init-images are what images begin as: --init does not go with them");
	if (job.alpha < 0 && job.alpha != -1)
		die_usage("--alpha is a share from 0 to 1, or -1 for the teacher's");
	if (job.plain && (job.bn_head || job.no_lf || job.no_ls || job.attn.n || job.previous))
		die_usage("--plain is the method without FD2: --bn-head, --no-lf, --no-ls, --attn "
		          "and --previous do not go with it");
	if (job.ls_every > 1 && job.ls_view != LS_PLAIN)
		die_usage("--ls-every is for --ls-view plain: the other views cost no extra pass");
	if (job.id > job.group)
		die_usage("--id %ld is beyond the group of %ld (--group)", job.id, job.group);
	if (job.id > job.ipc)
		die_usage("--id %ld is beyond the %ld images of a class (--ipc)", job.id, job.ipc);
	if (job.attn.n && !job.id)
		die_usage("--attn wants --id: without it every earlier image is made here");
	if (job.previous && !job.id)
		die_usage("--previous wants --id: without it every earlier image is made here");
	if (job.id > 1 && !job.plain && !job.no_ls &&
	    !(images ? job.previous != NULL : job.attn.n > 0))
		die_usage("--id %ld wants the group's earlier images: give %s", job.id,
		    images ? "--previous SHARD" : "--attn FILE from fd2-attn");
}

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-distill", "[options] -t TEACHER [SHARD...]",
	    "Distil images from a teacher, starting from the real images of the shards.", opts};
	int first = fd2_start(&tool, argc, argv);
	job.shards = argv + first;
	job.n_shards = argc - first;
	check();
	return fd2_finish(stage_run("stage_distill", &job));
}
