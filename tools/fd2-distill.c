/* fd2-distill: distils images from teachers and real images, by a base method with FD2's
 * constraints. */
#include <limits.h>
#include <math.h>

#include "lib/base/err.h"
#include "lib/base/out.h"
#include "lib/fd2/distill/distill.h"
#include "lib/fd2/stage.h"
#include "tools/distill-presets.h"

static int preset = PRESET_BEST;

static struct distill_config config = {
    .teachers = {.alpha = -1},
    .method = {.method = METHOD_sre2l_plus,
        .start = START_UNSET,
        .steps = OPT_UNSET,
        .lr = NAN,
        .r_bn = NAN,
        .roll = OPT_UNSET,
        .residual = NAN,
        .flatness = NAN,
        .crops = {NAN, CURRICULUM_UNSET, NAN},
        .match = {CLASSES_UNSET, NAN, LAYERS_UNSET, NAN},
        .image_size = OPT_UNSET},
    .initial = {.rest = START_UNSET,
        .share = 1,
        .difficulty = DIFFICULTY_MEDIUM,
        .crops = 5,
        .cache = 4096},
    .constraints = {.beta = 0.5,
        .lambda = 0.8,
        .ls_view = LS_ONCE,
        .ls_form = {.margin = 1},
        .ls_weight = -1,
        .ls_every = 1},
    .schedule = {.ipc = 1, .group = 4, .batch = 100, .classes = {0, LONG_MAX}},
    .output = {.quality = 95},
    .log_every = 100,
};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &config.output.path, "write to FILE", .unrecorded = true,
        .file = FILE_WRITTEN},
    {'t', "teacher", "FILE", OPT_LIST, &config.teachers.paths,
        "the teacher; some methods take several", .unrecorded = true, .file = FILE_READ},
    {'p', "protos", "FILE", OPT_LIST, &config.teachers.protos,
        "its prototypes (default: the teacher's own)", .unrecorded = true, .file = FILE_READ},
    {0, "statistics", "FILE", OPT_LIST, &config.teachers.statistics,
        "statistics of its layers on photographs, from fd2-protos --statistics", .unrecorded = true,
        .file = FILE_READ},
    {0, "preset", "NAME", OPT_CHOICE, &preset,
        "values for options that are not given; none with --method alone",
        .choices = PRESET_CHOICES, .unrecorded = true},
    {'n', "ipc", "N", OPT_INT, &config.schedule.ipc, "images per class", .min = 1, .max = 9999},
    {0, "method", "NAME", OPT_CHOICE, &config.method.method, "base method",
        .choices = METHOD_CHOICES, .replaces = "preset"},
    {0, "init", "WHAT", OPT_CHOICE, &config.method.start,
        "what images start as (default: the preset's or the method's)", .choices = START_CHOICES},
    {0, "init-share", "X", OPT_REAL, &config.initial.share,
        "share of each class that starts as whole photographs", .min = 0, .max = 1},
    {0, "init-rest", "WHAT", OPT_CHOICE, &config.initial.rest,
        "what the others start as (default: the method's)", .choices = MADE_START_CHOICES},
    {0, "init-images", "SHARD", OPT_STRING, &config.initial.given,
        "start with these images instead", .unrecorded = true, .file = FILE_READ,
        .replaces = "init init-share init-rest"},
    {0, "plain", NULL, OPT_FLAG, &config.plain, "the base method alone, without FD2",
        .replaces = "bn-head"},
    {0, "no-lf", NULL, OPT_FLAG, &config.constraints.no_lf,
        "without the characteristic constraint (Eq. 9)"},
    {0, "no-ls", NULL, OPT_FLAG, &config.constraints.no_ls,
        "without the similarity constraint (Eq. 10)"},
    {0, "alpha", "X", OPT_REAL, &config.teachers.alpha,
        "weight of the CAL branch, Eq. 11 (-1: the teacher's)", .min = -1, .max = 1},
    {0, "beta", "X", OPT_REAL, &config.constraints.beta, "L_F: weight of the own prototype (Eq. 9)",
        .min = 0, .max = 1},
    {0, "lf-negatives", "N", OPT_INT, &config.constraints.lf_negatives,
        "L_F: only the N nearest other prototypes (0: all)", .min = 0, .max = 1000000},
    {0, "lambda", "X", OPT_REAL, &config.constraints.lambda, "weight of L_F (Eq. 12)", .min = 0,
        .max = 1},
    {0, "other", "WHAT", OPT_CHOICE, &config.constraints.other,
        "L_other: BN term, or also cross-entropy", .choices = OTHER_CHOICES},
    {'g', "group", "N", OPT_INT, &config.schedule.group, "images in a group, N_S", .min = 1,
        .max = GROUP_MAX},
    {0, "indices-per-pass", "N", OPT_INT, &config.schedule.indices_per_pass,
        "image indices learned in one pass (0: as suits the device)", .min = 0, .max = INDICES_MAX},
    {0, "together", "N", OPT_INT, &config.schedule.indices_per_pass, "", .min = 0,
        .max = INDICES_MAX, .hidden = true},
    {0, "ls-view", "VIEW", OPT_CHOICE, &config.constraints.ls_view, "what L_S compares",
        .choices = LS_VIEW_CHOICES},
    {0, "ls-margin", "X", OPT_REAL, &config.constraints.ls_form.margin,
        "L_S: a distance above X counts as X", .min = 0, .max = 1},
    {0, "ls-norm", "HOW", OPT_CHOICE, &config.constraints.ls_form.norm,
        "L_S: attention as it is, or of equal mass", .choices = LS_NORM_CHOICES},
    {0, "ls-weight", "X", OPT_REAL, &config.constraints.ls_weight, "weight of L_S (-1: 1 - lambda)",
        .min = -1, .max = 1e6},
    {0, "ls-every", "N", OPT_INT, &config.constraints.ls_every, "plain view: L_S every Nth step",
        .min = 1, .max = 1000},
    {0, "id", "I", OPT_INT, &config.schedule.id, "only the I-th image of each group (0: all)",
        .min = 0, .max = GROUP_MAX},
    {0, "attn", "FILE", OPT_LIST, &config.attn, "attention of the group's earlier images",
        .unrecorded = true, .file = FILE_READ},
    {0, "previous", "SHARD", OPT_STRING, &config.previous,
        "the group's earlier images, for --ls-view same, once", .unrecorded = true,
        .file = FILE_READ},
    {0, "classes", "A-B", OPT_RANGE, &config.schedule.classes, "only these classes, from 0"},
    {'b', "batch", "N", OPT_INT, &config.schedule.batch, "classes per step", .min = 1,
        .max = 65536},
    {0, "steps", "N", OPT_INT, &config.method.steps,
        "steps per image (default: the preset's or the method's)", .min = 0, .max = 10000000},
    {0, "sizes", "N,N,...", OPT_INTS, &config.method.sizes,
        "side of what the teacher sees in each phase (default: the method's)", .min = 8,
        .max = 4096},
    {0, "image-size", "N", OPT_INT, &config.method.image_size,
        "side of the images as stored (default: the teacher's)", .min = 8, .max = 4096},
    {0, "residual", "X", OPT_REAL, &config.method.residual,
        "share of the initial image between phases (default: the method's)", .min = 0, .max = 1},
    {0, "lr", "X", OPT_REAL, &config.method.lr,
        "learning rate, cosine to 0 (default: the preset's or the method's)", .min = 0, .max = 100},
    {0, "r-bn", "X", OPT_REAL, &config.method.r_bn,
        "weight of the BN-statistics loss (default: the method's)", .min = 0, .max = 1e6},
    {0, "bn-form", "FORM", OPT_CHOICE, &config.method.bn_form,
        "BN term: sum over layers, or normalised mean", .choices = BN_FORM_CHOICES},
    {0, "bn-classes", "WHOSE", OPT_CHOICE, &config.method.match.classes,
        "also compare with class statistics (default: the method's)",
        .choices = CLASS_MATCH_CHOICES},
    {0, "class-share", "X", OPT_REAL, &config.method.match.share,
        "weight of the class statistics (default: the method's)", .min = 0, .max = 1},
    {0, "layers", "WHICH", OPT_CHOICE, &config.method.match.layers,
        "BatchNorms, or convolutions too (default: the method's)", .choices = LAYERS_CHOICES},
    {0, "statistics-momentum", "X", OPT_REAL, &config.method.match.momentum,
        "momentum of batch statistics over steps (default: the method's)", .min = 0, .max = 0.999},
    {0, "bn-head", NULL, OPT_FLAG, &config.constraints.bn_head,
        "also count the attention head's BatchNorm"},
    {0, "min-scale", "X", OPT_REAL, &config.method.crops.min_scale,
        "smallest share of the area in a crop (default: the method's)", .min = 0.001, .max = 1},
    {0, "crop-curriculum", "HOW", OPT_CHOICE, &config.method.crops.curriculum,
        "how crops shrink to --min-scale (default: the method's)", .choices = CURRICULUM_CHOICES},
    {0, "crop-milestone", "X", OPT_REAL, &config.method.crops.milestone,
        "share of the steps until then (default: the method's)", .min = 0, .max = 1},
    {0, "roll", "PX", OPT_INT, &config.method.roll,
        "largest roll, in pixels of 224 (default: the method's)", .min = 0, .max = 224},
    {0, "flatness", "X", OPT_REAL, &config.method.flatness,
        "weight of the distance from the images' average (default: the method's)", .min = 0,
        .max = 1e6},
    {0, "crops", "N", OPT_INT, &config.initial.crops, "crops scored per real image", .min = 1,
        .max = 1000},
    {0, "difficulty", "HOW", OPT_CHOICE, &config.initial.difficulty,
        "which patches images start from", .choices = DIFFICULTY_CHOICES},
    {0, "quality", "Q", OPT_INT, &config.output.quality, "JPEG quality", .min = 1, .max = 100},
    {0, "pixels", "HOW", OPT_CHOICE, &config.output.pixels, "f16: also lossless, as .npy members",
        .choices = PIXELS_CHOICES},
    {0, "log-every", "N", OPT_INT, &config.log_every, "steps between loss terms in --log", .min = 1,
        .max = 1000000, .unrecorded = true},
    {0, "dry-run", NULL, OPT_FLAG, &config.dry_run, "print what would be done, and write nothing",
        .unrecorded = true},
    {0, "resume", NULL, OPT_FLAG, &config.output.resume, "continue from FILE.part and FILE.ckpt",
        .unrecorded = true},
    {0, "checkpoint-every", "N", OPT_INT, &config.checkpoint_every,
        "also save FILE.ckpt every N steps (0: only by time)", .min = 0, .max = 10000000,
        .unrecorded = true},
    {0, "cache", "MIB", OPT_INT, &config.initial.cache, "memory for decoded photographs", .min = 1,
        .max = 1 << 24, .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &config.initial.strict,
        "stop at a corrupt image instead of skipping it"},
    {0},
};

/* Returns whether a view of L_S sees the images of the history again. */
static bool sees_images(enum ls_view view)
{
	return view == LS_SAME || view == LS_ONCE;
}

static void check_inputs(void)
{
	const struct distill_teachers_config *t = &config.teachers;
	if (!t->paths.n)
		die_usage("no teacher; give one with -t");
	if (t->protos.n && t->protos.n != t->paths.n)
		die_usage("-t is given %d times and -p %d; give -p once for each -t, in the same "
		          "order, or not at all",
		    t->paths.n, t->protos.n);
	if (t->statistics.n && t->statistics.n != t->paths.n)
		die_usage("-t is given %d times and --statistics %d; give it once for each -t, in "
		          "the same order",
		    t->paths.n, t->statistics.n);
	if (t->alpha < 0 && t->alpha != -1)
		die_usage("--alpha must be from 0 to 1, or -1 for the teacher's");
	resume_needs_file(out_is_file(config.output.path));
	opt_needs("checkpoint-every", out_is_file(config.output.path), "-o FILE");
	opt_needs("log-every", common.log != NULL, "--log");
}

static void check_start(void)
{
	int start = config.method.start;
	const struct initial_config *c = &config.initial;
	if (start != START_UNSET && c->given)
		die_usage("--init and --init-images cannot be used together");
	if (c->share < 1 && start < START_WHOLE)
		die_usage("--init-share needs a start of whole photographs: give --init random, "
		          "herding or confidence");
	if (c->share == 1 && c->rest != START_UNSET)
		die_usage("--init-rest needs --init-share below 1: now there are no other images");
}

/* Rejects options for what --plain, --no-lf and --no-ls leave out. --lambda, --ls-view and --group
 * may be given with --no-lf and --no-ls, to try settings without a constraint; prototypes with all
 * three. */
static void check_left_out(void)
{
	static const char *const of_fd2[] = {"alpha", "attn", "beta", "bn-head", "lambda",
	    "lf-negatives", "ls-every", "ls-margin", "ls-norm", "ls-view", "ls-weight", "no-lf",
	    "no-ls", "other", "previous", NULL};
	static const char *const of_lf[] = {"beta", "lf-negatives", NULL};
	static const char *const of_ls[] = {
	    "attn", "ls-every", "ls-margin", "ls-norm", "ls-weight", "previous", NULL};
	const struct constraints_config *c = &config.constraints;
	if (config.plain)
		opts_exclude(of_fd2, "--plain is the method without FD2");
	opt_needs(
	    "group", !config.plain || config.schedule.id, "FD2 or --id, not for --plain alone");
	opts_need(of_lf, !c->no_lf, "L_F, which --no-lf leaves out");
	opts_need(of_ls, !c->no_ls, "L_S, which --no-ls leaves out");
}

static void check_constraints(void)
{
	const struct constraints_config *c = &config.constraints;
	if (c->ls_weight < 0 && c->ls_weight != -1)
		die_usage("--ls-weight must not be negative, except for -1: 1 - lambda");
	check_left_out();
	if (c->ls_every > 1 && c->ls_view != LS_PLAIN)
		die_usage("--ls-every is for --ls-view plain");
}

static void check_id(void)
{
	const struct schedule_config *s = &config.schedule;
	bool images = sees_images(config.constraints.ls_view);
	if (s->id > s->group)
		die_usage("--id %ld is larger than --group %ld", s->id, s->group);
	if (s->id > s->ipc)
		die_usage("--id %ld is larger than --ipc %ld", s->id, s->ipc);
	if (config.attn.n && !s->id)
		die_usage("--attn needs --id: without it every earlier image is made here");
	if (config.previous && !s->id)
		die_usage("--previous needs --id: without it every earlier image is made here");
	if (s->id > 1 && !config.plain && !config.constraints.no_ls &&
	    !(images ? config.previous != NULL : config.attn.n > 0))
		die_usage("--id %ld needs the group's earlier images: give %s", s->id,
		    images ? "--previous SHARD" : "--attn FILE from fd2-attn");
	if (s->id == 1 && (config.attn.n || config.previous))
		die_usage("--id 1 is the first image of a group: remove --%s",
		    config.attn.n ? "attn" : "previous");
	opt_needs("attn", !images, "--ls-view plain and literal");
	opt_needs("previous", images, "--ls-view same and once");
}

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-distill", "[options] -t TEACHER [SHARD...]",
	    "Distil images from a teacher, starting from the real images of the shards.", opts,
	    .presets = presets, .n_presets = sizeof presets / sizeof *presets};
	int first = fd2_start(&tool, argc, argv);
	config.initial.shards = argv + first;
	config.initial.n_shards = argc - first;
	config.seed = common.seed;
	check_inputs();
	check_start();
	check_constraints();
	check_id();
	stage_end(stage_distill, &config);
}
