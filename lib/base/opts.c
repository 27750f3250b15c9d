#include "lib/base/opts.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/files.h"
#include "lib/base/libtorch.h"
#include "lib/base/opt-value.h"
#include "lib/base/opts-table.h"

enum { OPTIONS_MAX = 128, HELP = 1000, VERSION, LIST };

const char fd2_version[] = FD2_VERSION;
struct common common;

static bool quiet, verbose;
static const struct opt shared[] = {
    {0, "device", "NAME", OPT_CHOICE, &common.device, "where to compute", .choices = "cpu|cuda"},
    {0, "dtype", "TYPE", OPT_CHOICE, &common.dtype, "arithmetic; auto: bf16 where fast",
        .choices = "auto|f32|bf16"},
    {0, "seed", "N", OPT_INT, &common.seed, "seed of all randomness", .min = 0,
        .max = 9007199254740991.0},
    {0, "threads", "N", OPT_INT, &common.threads, "threads; 0: as many as there are CPUs", .min = 0,
        .max = 256},
    {'q', "quiet", NULL, OPT_FLAG, &quiet, "print errors only", .unrecorded = true},
    {'v', "verbose", NULL, OPT_FLAG, &verbose, "print more", .unrecorded = true},
    {0, "log", "FILE", OPT_STRING, &common.log, "append JSON lines to FILE", .file = FILE_WRITTEN,
        .unrecorded = true},
    {0},
};

const struct tool *opts_tool;
static int saved_argc;
static char **saved_argv;
static json_t *defaults, *resolved; /* option -> value */
static const struct opt *given[OPTIONS_MAX];
static int n_given;

static bool names_word(const char *words, const char *word)
{
	size_t n = strlen(word);
	for (const char *w = words; w && *w; w += strspn(w, " ")) {
		size_t length = strcspn(w, " ");
		if (length == n && !strncmp(w, word, n))
			return true;
		w += length;
	}
	return false;
}

const struct opt *opts_at(int i)
{
	for (const struct opt *o = opts_tool->opts; o->name; o++)
		if (!i--)
			return o;
	for (const struct opt *o = shared; o->name; o++)
		if (!names_word(opts_tool->without, o->name) && !i--)
			return o;
	return NULL;
}

/* Returns whether the option is recorded. --threads is not in a tool without a network: it only
 * changes how a network's sums round. */
static bool is_recorded(const struct opt *o)
{
	bool changes_nothing = o->to == &common.threads && names_word(opts_tool->without, "device");
	return !o->unrecorded && !o->hidden && !changes_nothing;
}

/* Returns the options' values as JSON: only the recorded ones, or all. */
static json_t *values(bool recorded)
{
	json_t *options = json_object();
	const struct opt *o;
	for (int i = 0; (o = opts_at(i)); i++)
		if (!recorded || is_recorded(o))
			json_object_set_new(options, o->name, opt_value(o));
	return options;
}

bool opt_is_default(const char *name)
{
	const struct opt *o;
	for (int i = 0; defaults && (o = opts_at(i)); i++) {
		if (strcmp(o->name, name) != 0)
			continue;
		json_t *now = opt_value(o);
		bool same = json_equal(now, json_object_get(defaults, name));
		json_decref(now);
		return same;
	}
	return false;
}

static const struct opt *named(const char *name)
{
	const struct opt *o;
	for (int i = 0; (o = opts_at(i)); i++)
		if (!strcmp(o->name, name))
			return o;
	die("there is no option '%s'", name);
}

/* Returns whether the option was given, by any of its names. */
static bool was_given(const struct opt *o)
{
	for (int i = 0; i < n_given; i++)
		if (given[i]->to == o->to)
			return true;
	return false;
}

bool opt_given(const char *name)
{
	return n_given && was_given(named(name));
}

bool opt_changed(const char *name)
{
	return opt_given(name) && !opt_is_default(name);
}

void opt_needs(const char *name, bool applies, const char *what)
{
	if (!applies && opt_changed(name))
		die_usage("--%s is for %s", name, what);
}

void opts_need(const char *const *names, bool applies, const char *what)
{
	for (; *names; names++)
		opt_needs(*names, applies, what);
}

void resume_needs_file(bool is_file)
{
	if (!is_file && opt_changed("resume"))
		die_usage("--resume needs a file to go on with: give it with -o");
}

void opts_exclude(const char *const *names, const char *why)
{
	for (; *names; names++)
		if (opt_changed(*names))
			die_usage("%s: remove --%s", why, *names);
}

json_t *opts_provenance(void)
{
	json_t *options = values(true);
	json_object_update_existing(options, resolved);
	return json_pack(
	    "{s:s, s:s, s:o}", "tool", opts_tool->name, "version", fd2_version, "options", options);
}

void opt_resolved(const char *option, json_t *v)
{
	if (!resolved)
		resolved = json_object();
	json_object_set_new(resolved, option, v);
}

json_t *opts_argv(void)
{
	json_t *argv = json_array();
	for (int i = 0; i < saved_argc; i++)
		json_array_append_new(argv, text_to_json(saved_argv[i]));
	return argv;
}

/* Fills getopt's tables. A long option's value is 2000 + its index, a letter's is itself. */
static void tables(struct option *longs, char *shorts)
{
	const struct opt *o;
	int n = 0;
	*shorts++ = ':';
	*shorts++ = 'h';
	for (int i = 0; (o = opts_at(i)); i++) {
		if (n >= OPTIONS_MAX)
			die("the option table is too long");
		longs[n++] = (struct option){
		    o->name, o->kind == OPT_FLAG ? no_argument : required_argument, NULL, 2000 + i};
		if (!o->letter)
			continue;
		*shorts++ = o->letter;
		if (o->kind != OPT_FLAG)
			*shorts++ = ':';
	}
	longs[n++] = (struct option){"help", no_argument, NULL, HELP};
	longs[n++] = (struct option){"version", no_argument, NULL, VERSION};
	longs[n++] = (struct option){"list-options", no_argument, NULL, LIST};
	longs[n] = (struct option){0};
	*shorts = '\0';
}

static const struct opt *of_letter(int c)
{
	const struct opt *o;
	for (int i = 0; (o = opts_at(i)); i++)
		if (c >= 2000 ? i == c - 2000 : o->letter == c)
			return o;
	return NULL;
}

/* Returns the option that getopt rejected, as the user wrote it, without a value; a long one is
 * taken from arg. */
static const char *complained(const char *arg)
{
	static char name[64];
	if (optopt && optopt < HELP)
		snprintf(name, sizeof name, "-%c", optopt);
	else
		snprintf(name, sizeof name, "%.*s", (int)strcspn(arg, "="), arg);
	return name;
}

static void print_version(void)
{
	char *libtorch = libtorch_describe();
	printf("%s %s (%s)\n", opts_tool->name, fd2_version, libtorch);
	free(libtorch);
}

/* Answers --help and the like; returns whether the option was one of them. */
static bool answer(int c)
{
	if (c == 'h' || c == HELP)
		opts_print_help();
	else if (c == VERSION)
		print_version();
	else if (c == LIST)
		opts_print_list();
	else
		return false;
	return true;
}

/* Returns whether an option was given that replaces it. */
static bool is_replaced(const struct opt *o)
{
	for (int i = 0; i < n_given; i++)
		if (names_word(given[i]->replaces, o->name))
			return true;
	return false;
}

static void handle(int c, char **argv)
{
	const char *as_written = complained(argv[optind - 1]);
	const struct opt *o = of_letter(c);
	if (c == ':')
		die_usage("option '%s' needs a value", as_written);
	if (c == '?' && optopt >= HELP)
		die_usage("option '%s' takes no value", as_written);
	if (c == '?')
		opts_refuse_unknown(as_written);
	opt_set(o, optarg);
	if (!was_given(o))
		given[n_given++] = o;
}

/* Returns the preset of --preset, or its default unless a given option replaces it. */
static const struct preset *preset_of_run(void)
{
	const struct opt *o = opts_tool->n_presets ? named("preset") : NULL;
	int i = o && (was_given(o) || !is_replaced(o)) ? *(const int *)o->to : -1;
	return i < 0 ? NULL : &opts_tool->presets[i];
}

/* Calls f for each option of the preset that is in effect; value NULL: a flag. */
static void each_of_preset(
    const struct preset *p, void (*f)(const struct opt *o, const char *value, void *ctx), void *ctx)
{
	char words[1024], *rest = words, *name;
	snprintf(words, sizeof words, "%s", p->options);
	while ((name = strsep(&rest, " "))) {
		const struct opt *o = named(name + 2);
		const char *value = o->kind == OPT_FLAG ? NULL : strsep(&rest, " ");
		if (!was_given(o) && !is_replaced(o))
			f(o, value, ctx);
	}
}

static void set_option(const struct opt *o, const char *value, void *ctx)
{
	(void)ctx;
	opt_set(o, value);
}

static void describe_option(const struct opt *o, const char *value, void *ctx)
{
	char **text = ctx, *longer = xasprintf(
	                       "%s --%s%s%s", *text, o->name, value ? " " : "", value ? value : "");
	free(*text);
	*text = longer;
}

char *opts_preset(void)
{
	const struct preset *p = preset_of_run();
	char *text = p ? xasprintf("%s:", p->name) : NULL;
	if (p)
		each_of_preset(p, describe_option, &text);
	return text;
}

static void use_file(const struct opt *o, const char *path, const void *list)
{
	if (o->file == FILE_WRITTEN)
		files_written(path, o->name);
	else
		files_read(path, list);
}

/* Checks the files that options and operands name. */
static void check_files(char *const *operands, int n)
{
	const struct opt *o;
	for (int i = 0; (o = opts_at(i)); i++) {
		const struct opt_list *list = o->to;
		const char *path = o->kind == OPT_STRING ? *(const char **)o->to : NULL;
		if (o->file == NO_FILE)
			continue;
		if (!path && !strcmp(o->name, "output"))
			path = "-";
		if (path)
			use_file(o, path, NULL);
		for (int k = 0; o->kind == OPT_LIST && k < list->n; k++)
			use_file(o, list->v[k], o);
	}
	for (int i = opts_tool->words; i < n; i++)
		files_read(operands[i], operands);
	files_check();
}

int opts_parse(const struct tool *t, int argc, char **argv)
{
	struct option longs[OPTIONS_MAX + 4];
	char shorts[2 * OPTIONS_MAX + 8];
	int c;
	opts_tool = t;
	saved_argc = argc;
	saved_argv = xcalloc(
	    (size_t)argc + 1, sizeof *saved_argv); /* in the given order: getopt moves operands */
	memcpy(saved_argv, argv, (size_t)argc * sizeof *argv);
	defaults = values(false);
	tables(longs, shorts);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1)
		if (answer(c))
			return -1;
		else
			handle(c, argv);
	if (preset_of_run())
		each_of_preset(preset_of_run(), set_option, NULL);
	verbosity = quiet ? 0 : verbose ? 2 : 1;
	if (opts_tool->wants_stdin && optind == argc && isatty(STDIN_FILENO))
		die_usage("nothing to read: name a file, or pipe one in");
	check_files(argv + optind, argc - optind);
	return optind;
}
