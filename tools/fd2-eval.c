/* fd2-eval: trains students on distilled images and measures their accuracy on real ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/input.h"
#include "lib/base/err.h"
#include "lib/base/out.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/student/eval.h"
#include "lib/nn/archs.h"

enum { STUDENTS_MAX = 256 };

static struct opt_list archs, rates;
static struct opt_range seeds = {-1, -1}; /* --seed alone */

static struct saved_config saved;

static struct eval_config config = {
    .in.cache = 4096,
    .out.data = "syn",
    .own.min_scale = 0.08,
    .learning = {.weight_decay = 0.01, .temperature = 20, .zeta = 2},
    .val_every = OPT_UNSET,
};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &config.out.results, "write the JSON lines to FILE",
        .unrecorded = true, .file = FILE_WRITTEN},
    {'l', "labels", "FILE", OPT_STRING, &config.in.labels, "soft labels (default: standard input)",
        .unrecorded = true, .file = FILE_READ},
    {0, "hard", NULL, OPT_FLAG, &config.in.hard,
        "train on the classes themselves, without soft labels"},
    {0, "learned", NULL, OPT_FLAG, &config.in.learned,
        "train on the soft labels that the images carry (fd2-match --method datm)"},
    {0, "evaluate", "FILE", OPT_STRING, &saved.network,
        "train nothing: measure the network in FILE on --val", .unrecorded = true,
        .file = FILE_READ},
    {0, "predictions", "FILE", OPT_STRING, &saved.predictions,
        "--evaluate: write each image's class and prediction to FILE", .unrecorded = true,
        .file = FILE_WRITTEN},
    {0, "classes-from", "FILE", OPT_STRING, &saved.classes,
        "--evaluate: names of its classes, a list or a shard", .unrecorded = true,
        .file = FILE_READ},
    {0, "mean", "R,G,B", OPT_NUMBERS, &saved.mean,
        "--evaluate: mean of the pixels, for normalisation", .min = 0, .max = 1},
    {0, "std", "R,G,B", OPT_NUMBERS, &saved.std, "--evaluate: standard deviation of the pixels",
        .min = 0.001, .max = 10},
    {0, "val", "SHARD", OPT_LIST, &config.in.val,
        "held-out shards, which choose the best epoch (repeatable)", .unrecorded = true,
        .file = FILE_READ},
    {0, "test", "SHARD", OPT_LIST, &config.in.test, "shards to measure on instead (repeatable)",
        .unrecorded = true, .file = FILE_READ},
    {0, "fast-val", NULL, OPT_FLAG, &config.in.fast_val,
        "measure in --dtype, on JPEGs decoded at reduced scale"},
    {0, "report", "FILE", OPT_STRING, &config.out.report,
        "write classes, confusion and calibration to FILE", .unrecorded = true,
        .file = FILE_WRITTEN},
    {0, "save", "FILE", OPT_STRING, &config.out.save,
        "write the student; as safetensors if FILE ends so", .unrecorded = true,
        .file = FILE_WRITTEN},
    {'a', "arch", "NAME", OPT_LIST, &archs, "a student (repeatable; resnet18 if none is given)",
        .choices = ARCH_CHOICES},
    {0, "seeds", "A-B", OPT_RANGE, &seeds, "a student per seed (default: one, of --seed)"},
    {0, "init", "FILE", OPT_STRING, &config.learning.init,
        "start the students from a .pth, .safetensors or stream", .unrecorded = true,
        .file = FILE_READ},
    {'e', "epochs", "N", OPT_INT, &config.epochs,
        "epochs (0: all that are labelled; --hard, --learned: 300)", .min = 0, .max = 100000},
    {'b', "batch", "N", OPT_INT, &config.own.batch, "--hard, --learned: images per step (0: 16)",
        .min = 0, .max = 65536},
    {0, "reuse-labels", NULL, OPT_FLAG, &config.in.reuse_labels,
        "use labels again when there are more epochs than labels"},
    {'s', "size", "PX", OPT_INT, &config.own.size,
        "--hard, --learned, --evaluate: side of the input images (0: 224)", .min = 0, .max = 4096},
    {0, "min-scale", "X", OPT_REAL, &config.own.min_scale,
        "--hard, --learned: smallest crop's share of the area", .min = 0.001, .max = 1},
    {0, "no-augment", NULL, OPT_FLAG, &config.own.no_augment,
        "--hard, --learned: no crops and no flips"},
    {0, "siamese", NULL, OPT_FLAG, &config.own.siamese,
        "--hard, --learned: Siamese augmentation instead of crops and flips"},
    {0, "label-smoothing", "X", OPT_REAL, &config.learning.label_smoothing,
        "--hard: label smoothing", .min = 0, .max = 0.9},
    {0, "fit", "HOW", OPT_CHOICE, &config.in.fit,
        "how held-out photographs are resized (default: as the teacher's)", .min = FIT_SHORT,
        .choices = FIT_CHOICES},
    {0, "optimizer", "NAME", OPT_CHOICE, &config.learning.optimizer,
        "AdamW, or SGD with momentum 0.9", .choices = OPTIMIZER_CHOICES},
    {0, "lr", "X", OPT_LIST, &rates, "its learning rate, X or ARCH=X (repeatable)"},
    {0, "weight-decay", "X", OPT_REAL, &config.learning.weight_decay,
        "on weights of two and more dimensions; sgd: on all", .min = 0, .max = 10},
    {0, "schedule", "HOW", OPT_CHOICE, &config.learning.schedule,
        "cosine, or a tenth of the rate in the second half", .choices = SCHEDULE_CHOICES},
    {'T', "temperature", "X", OPT_REAL, &config.learning.temperature, "of soft labels and students",
        .min = 0.01, .max = 1000},
    {0, "soft-loss", "HOW", OPT_CHOICE, &config.learning.soft_loss,
        "from soft labels: KL, or squared differences of logits", .choices = SOFT_LOSS_CHOICES},
    {0, "ce-weight", "X", OPT_REAL, &config.learning.ce_weight,
        "soft labels: weight of the cross-entropy of the images' classes", .min = 0, .max = 1e6},
    {0, "zeta", "X", OPT_REAL, &config.learning.zeta, "cosine over zeta times the epochs", .min = 1,
        .max = 100},
    {0, "val-every", "N", OPT_INT, &config.val_every,
        "epochs between validations; 0: the last only (default: a tenth of them, at least 10)",
        .min = 0, .max = 100000},
    {0, "checkpoint-every", "N", OPT_INT, &config.out.checkpoint_every,
        "save FILE.ckpt every N epochs too", .min = 0, .max = 100000, .unrecorded = true},
    {0, "dry-run", NULL, OPT_FLAG, &config.dry_run, "print what would be done, and write nothing",
        .unrecorded = true},
    {0, "resume", NULL, OPT_FLAG, &config.out.resume, "continue from FILE.ckpt if it exists",
        .unrecorded = true},
    {0, "data", "NAME", OPT_STRING, &config.out.data,
        "name of the images in the JSON: syn, random, real"},
    {0, "cache", "MIB", OPT_INT, &config.in.cache,
        "memory for decoded photographs; the rest are decoded each time", .min = 1, .max = 1 << 24,
        .unrecorded = true},
    {0, "strict", NULL, OPT_FLAG, &config.in.strict,
        "stop at a corrupt image instead of skipping it"},
    {0},
};

/* Returns the length of the architecture in an --lr value, 0 if it is for all; sets *to to the
 * rate. */
static int split_rate(const char *text, double *to)
{
	const char *equals = strchr(text, '='), *number = equals ? equals + 1 : text;
	char *end;
	*to = strtod(number, &end);
	if (end == number || *end || !(*to >= 0 && *to <= 100))
		die_usage("--lr expects a number from 0 to 100, or ARCH=X, not '%s'", text);
	return equals ? (int)(equals - text) : 0;
}

/* Returns the last --lr of that architecture; without one, the last for all; -1: none. */
static double rate_of(const char *arch)
{
	double all = -1, own = -1, x;
	for (int i = 0; i < rates.n; i++) {
		int n = split_rate(rates.v[i], &x);
		if (!n)
			all = x;
		else if (n == (int)strlen(arch) && !strncmp(rates.v[i], arch, (size_t)n))
			own = x;
	}
	return own < 0 ? all : own;
}

static bool is_student(const char *name, int n)
{
	for (int i = 0; i < archs.n; i++)
		if (n == (int)strlen(archs.v[i]) && !strncmp(archs.v[i], name, (size_t)n))
			return true;
	return false;
}

/* Rejects an architecture given twice, whose results would look like a spread, and an --lr for
 * none. */
static void check_archs(void)
{
	for (int i = 0; i < archs.n; i++)
		for (int k = 0; k < i; k++)
			if (!strcmp(archs.v[i], archs.v[k]))
				die_usage("--arch '%s' is given twice; --seeds makes several "
				          "students of it",
				    archs.v[i]);
	for (int i = 0; i < rates.n; i++) {
		double x;
		int n = split_rate(rates.v[i], &x);
		if (strchr(rates.v[i], '=') && !is_student(rates.v[i], n))
			die_usage("--lr '%s' is for no --arch", rates.v[i]);
	}
}

/* Plans every architecture with every seed, in this order. */
static void plan_students(void)
{
	static const char *resnet18[] = {"resnet18"};
	if (!archs.n)
		archs = (struct opt_list){resnet18, 1};
	check_archs();
	if (seeds.first < 0)
		seeds = (struct opt_range){common.seed, common.seed};
	if (seeds.last - seeds.first >= STUDENTS_MAX / archs.n)
		die_usage("more than %d students", STUDENTS_MAX);
	int n = (int)(seeds.last - seeds.first) + 1;
	config.students = xcalloc((size_t)(archs.n * n), sizeof *config.students);
	for (int i = 0; i < archs.n; i++)
		for (int k = 0; k < n; k++)
			config.students[config.n_students++] =
			    (struct student_plan){archs.v[i], seeds.first + k, rate_of(archs.v[i])};
	if (config.out.save && config.n_students > 1)
		die_usage("--save is for one student, not for %d", config.n_students);
	if (config.learning.init && archs.n > 1)
		die_usage("--init is for students of one architecture, not of %d", archs.n);
}

static void check_outputs(void)
{
	resume_needs_file(out_is_file(config.out.results));
	opt_needs("checkpoint-every", out_is_file(config.out.results), "-o FILE");
}

static void check_labels(void)
{
	static const char *const of_own[] = {
	    "batch", "label-smoothing", "min-scale", "no-augment", "siamese", "size", NULL};
	static const char *const of_soft[] = {"ce-weight", "soft-loss", "temperature", NULL};
	const struct eval_own *how = &config.own;
	bool own = config.in.hard || config.in.learned;
	const char *name = config.in.hard ? "hard" : "learned";
	opts_need(of_own, own, "--hard or --learned: soft labels bring their own");
	opts_need(of_soft, !own, "soft labels, not for --hard or --learned");
	opt_needs("temperature", config.learning.soft_loss == SOFT_KL, "--soft-loss kl");
	opt_needs("label-smoothing", !config.in.learned, "--hard");
	opt_needs("zeta", config.learning.schedule == STUDENT_SCHEDULE_COSINE, "--schedule cosine");
	if (config.in.hard && config.in.learned)
		die_usage("--hard and --learned exclude each other");
	if ((how->no_augment || how->siamese) && opt_changed("min-scale"))
		die_usage("--%s and --min-scale exclude each other",
		    how->siamese ? "siamese" : "no-augment");
	if (how->no_augment && how->siamese)
		die_usage("--no-augment and --siamese exclude each other");
	if (!own && !config.in.labels && isatty(STDIN_FILENO))
		die_usage("no soft labels; give them with -l, pipe them in, or use --hard");
	if (own && (config.in.labels || config.in.reuse_labels))
		die_usage("--%s and %s exclude each other", name,
		    config.in.labels ? "--labels" : "--reuse-labels");
}

/* Rejects training options given with --evaluate. */
static void check_evaluation(void)
{
	static const char why[] = "--evaluate trains nothing";
	static const char *const of_training[] = {"batch", "ce-weight", "checkpoint-every", "data",
	    "dry-run", "epochs", "hard", "init", "label-smoothing", "labels", "learned", "lr",
	    "min-scale", "no-augment", "optimizer", "resume", "reuse-labels", "save", "schedule",
	    "seeds", "siamese", "soft-loss", "temperature", "test", "val-every", "weight-decay",
	    "zeta", NULL};
	if (config.in.n_shards)
		die_usage("%s: remove the shards", why);
	opts_exclude(of_training, why);
	if (archs.n > 1)
		die_usage("--evaluate measures one network, not %d", archs.n);
	if ((saved.mean.n && saved.mean.n != 3) || (saved.std.n && saved.std.n != 3))
		die_usage(
		    "--%s expects 3 numbers", saved.std.n && saved.std.n != 3 ? "std" : "mean");
	if (input_is_pipe(saved.network))
		die_usage("--evaluate reads its file twice, and so cannot take a pipe");
}

NO_RETURN static void evaluate(void)
{
	check_evaluation();
	saved.arch = archs.n ? archs.v[0] : NULL;
	saved.val = config.in.val;
	saved.size = config.own.size;
	saved.fit = config.in.fit;
	saved.cache = config.in.cache;
	saved.fast_val = config.in.fast_val;
	saved.strict = config.in.strict;
	saved.results = config.out.results;
	saved.report = config.out.report;
	stage_end(stage_eval_saved, &saved);
}

/* Rejects options that only --evaluate takes. */
static void check_training(void)
{
	static const char *const of_evaluation[] = {
	    "predictions", "classes-from", "mean", "std", NULL};
	opts_need(of_evaluation, false, "--evaluate");
	if (!config.in.n_shards)
		die_usage("no distilled shard; name one after the options");
}

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-eval",
	    "[options] --val SHARD [-l LABELS] SHARD... | --val SHARD --evaluate FILE",
	    "Train students on distilled images and print their accuracy, a JSON line each.", opts};
	int first = fd2_start(&tool, argc, argv);
	config.in.shards = argv + first;
	config.in.n_shards = argc - first;
	config.seed = (uint64_t)common.seed;
	if (!config.in.val.n)
		die_usage("no held-out images; give them with --val");
	if (saved.network)
		evaluate();
	check_training();
	check_outputs();
	check_labels();
	plan_students();
	stage_end(stage_eval, &config);
}
