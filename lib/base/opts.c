#include "lib/base/opts.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/files.h"
#include "lib/base/libtorch.h"
#include "lib/base/names.h"

enum { OPTIONS_MAX = 128, HELP = 1000, VERSION, LIST, QUIET };

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

static const struct tool *tool;
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

/* The i-th option of the tool's table and then the shared one; NULL after the last. */
static const struct opt *option(int i)
{
	for (const struct opt *o = tool->opts; o->name; o++)
		if (!i--)
			return o;
	for (const struct opt *o = shared; o->name; o++)
		if (!names_word(tool->without, o->name) && !i--)
			return o;
	return NULL;
}

static bool bounded(const struct opt *o)
{
	return o->min != 0 || o->max != 0;
}

/* Decimals with which a limit is shown as it was written: 0.001, 9007199254740991. */
static int decimals(double limit)
{
	int n = 0;
	for (double scale = 1; n < 9 && fabs(limit * scale - round(limit * scale)) > 1e-9; n++)
		scale *= 10;
	return n;
}

static void bad_value(const struct opt *o, const char *kind, const char *text)
{
	if (bounded(o))
		die_usage("--%s expects %s from %.*f to %.*f, not '%s'", o->name, kind,
		    decimals(o->min), o->min, decimals(o->max), o->max, text);
	die_usage("--%s expects %s, not '%s'", o->name, kind, text);
}

/* The whole number at the start of text. Returns what follows it, or NULL. */
static const char *whole(const struct opt *o, const char *text, long *to)
{
	char *end;
	errno = 0;
	long v = strtol(text, &end, 10);
	if (errno || end == text || isspace((unsigned char)*text) ||
	    (bounded(o) && ((double)v < o->min || (double)v > o->max)))
		return NULL;
	*to = v;
	return end;
}

static void set_int(const struct opt *o, const char *text)
{
	const char *end = whole(o, text, o->to);
	if (!end || *end)
		bad_value(o, "a whole number", text);
}

static void set_ints(const struct opt *o, const char *text)
{
	struct opt_ints *to = o->to;
	const char *at = text;
	to->n = 0;
	while (at && to->n < OPT_INTS_MAX) {
		at = whole(o, at, &to->v[to->n++]);
		if (!at || !*at)
			break;
		at = *at == ',' ? at + 1 : NULL;
	}
	if (!at || *at)
		bad_value(o, "whole numbers separated by commas, each", text);
}

/* The number at the start of text. Returns what follows it, or NULL. */
static const char *real(const struct opt *o, const char *text, double *to)
{
	char *end;
	double v = strtod(text, &end);
	if (end == text || isspace((unsigned char)*text) || !isfinite(v) ||
	    (bounded(o) && (v < o->min || v > o->max)))
		return NULL;
	*to = v;
	return end;
}

static void set_real(const struct opt *o, const char *text)
{
	const char *end = real(o, text, o->to);
	if (!end || *end)
		bad_value(o, "a number", text);
}

static void set_reals(const struct opt *o, const char *text)
{
	double *to = o->to;
	const char *at = text;
	for (int i = 0; i < o->count && at; i++) {
		at = real(o, at, &to[i]);
		if (at)
			at = *at != (i == o->count - 1 ? '\0' : ',') ? NULL : at + 1;
	}
	char *kind = xasprintf("%d numbers separated by commas, each", o->count);
	if (!at)
		bad_value(o, kind, text);
	free(kind);
}

static void set_numbers(const struct opt *o, const char *text)
{
	struct opt_numbers *to = o->to;
	to->n = 0;
	for (const char *at = text; at;) {
		to->v = xrealloc(to->v, (size_t)to->n + 1, sizeof *to->v);
		at = real(o, at, &to->v[to->n++]);
		if (!at || (*at && *at != ','))
			bad_value(o, "numbers separated by commas, each", text);
		at = *at ? at + 1 : NULL;
	}
}

/* Choice i of "a|b|c", which is *n bytes long, or NULL. */
static const char *nth_choice(const char *choices, int i, int *n)
{
	for (; i > 0; i--, choices++)
		if (!(choices = strchr(choices, '|')))
			return NULL;
	*n = (int)strcspn(choices, "|");
	return choices;
}

int choice_of(const char *choices, const char *name)
{
	size_t n = strlen(name), length;
	for (int i = 0; *choices; i++) {
		length = strcspn(choices, "|");
		if (length == n && !strncmp(choices, name, n))
			return i;
		choices += length + (choices[length] == '|');
	}
	return -1;
}

static int choice(const struct opt *o, const char *text)
{
	int i = choice_of(o->choices, text);
	if (i < 0)
		die_usage("--%s expects one of %s, not '%s'", o->name, o->choices, text);
	return i;
}

json_t *choice_to_json(const char *choices, int at)
{
	int n = 0;
	const char *name = nth_choice(choices, at, &n);
	return json_stringn(name, (size_t)n);
}

/* What an OPT_CHOICE holds, of *n bytes; NULL: nothing. */
static const char *chosen(const struct opt *o, int *n)
{
	int i = *(const int *)o->to - (int)o->min;
	return i < 0 ? NULL : nth_choice(o->choices, i, n);
}

static void set_range(const struct opt *o, const char *text)
{
	struct opt_range *r = o->to;
	char *end;
	bool bad = !isdigit((unsigned char)*text);
	errno = 0;
	r->first = r->last = bad ? 0 : strtol(text, &end, 10);
	if (!bad && *end == '-') {
		r->last = LONG_MAX;
		if (isdigit((unsigned char)end[1]))
			r->last = strtol(end + 1, &end, 10);
		else
			end++;
	}
	if (bad || errno || *end || r->last < r->first)
		die_usage("--%s expects A-B, A- or A with A <= B, not '%s'", o->name, text);
}

static void set(const struct opt *o, const char *text)
{
	struct opt_list *list = o->to;
	if ((o->kind == OPT_STRING || o->kind == OPT_LIST) && !*text)
		die_usage("--%s is given an empty name", o->name);
	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->to = !o->off;
		break;
	case OPT_INT:
		set_int(o, text);
		break;
	case OPT_REAL:
		set_real(o, text);
		break;
	case OPT_REALS:
		set_reals(o, text);
		break;
	case OPT_NUMBERS:
		set_numbers(o, text);
		break;
	case OPT_STRING:
		*(const char **)o->to = text;
		break;
	case OPT_CHOICE:
		*(int *)o->to = (int)o->min + choice(o, text);
		break;
	case OPT_LIST:
		list->v = xrealloc(list->v, (size_t)list->n + 1, sizeof *list->v);
		if (o->choices)
			choice(o, text);
		list->v[list->n++] = text;
		break;
	case OPT_RANGE:
		set_range(o, text);
		break;
	case OPT_INTS:
		set_ints(o, text);
		break;
	}
}

static json_t *json_text(const char *s)
{
	char *text = name_utf8(s);
	json_t *v = json_string(text);
	free(text);
	return v;
}

/* [A, B], [A, null] up to the last; null: everything, or not given. */
static json_t *range_to_json(const struct opt_range *r)
{
	bool open = r->last == LONG_MAX;
	if (r->first < 0 || (open && !r->first))
		return json_null();
	return json_pack(
	    "[I, o]", (json_int_t)r->first, open ? json_null() : json_integer((json_int_t)r->last));
}

static json_t *value(const struct opt *o)
{
	const struct opt_list *list = o->to;
	const struct opt_range *r = o->to;
	const struct opt_ints *ints = o->to;
	const char *s;
	json_t *a;
	int n;
	switch (o->kind) {
	case OPT_FLAG:
		return json_boolean(*(bool *)o->to);
	case OPT_INT:
		return *(long *)o->to == OPT_UNSET ? json_null() : json_integer(*(long *)o->to);
	case OPT_REAL:
		return isnan(*(double *)o->to) ? json_null() : json_real(*(double *)o->to);
	case OPT_REALS:
		return numbers_to_json(o->to, o->count);
	case OPT_NUMBERS:
		return numbers_to_json(
		    ((struct opt_numbers *)o->to)->v, ((struct opt_numbers *)o->to)->n);
	case OPT_STRING:
		s = *(const char **)o->to;
		return s ? json_text(s) : json_null();
	case OPT_CHOICE:
		s = chosen(o, &n);
		return s ? json_stringn(s, (size_t)n) : json_null();
	case OPT_LIST:
		a = json_array();
		for (int i = 0; i < list->n; i++)
			json_array_append_new(a, json_text(list->v[i]));
		return a;
	case OPT_RANGE:
		return range_to_json(r);
	case OPT_INTS:
		a = ints->n ? json_array() : json_null();
		for (int i = 0; i < ints->n; i++)
			json_array_append_new(a, json_integer(ints->v[i]));
		return a;
	}
	return json_null();
}

/* Threads round sums of a network differently, and change nothing else. */
static bool is_recorded(const struct opt *o)
{
	bool changes_nothing = o->to == &common.threads && names_word(tool->without, "device");
	return !o->unrecorded && !o->hidden && !changes_nothing;
}

/* What they hold; only the recorded ones, or all. */
static json_t *values(bool recorded)
{
	json_t *options = json_object();
	const struct opt *o;
	for (int i = 0; (o = option(i)); i++)
		if (!recorded || is_recorded(o))
			json_object_set_new(options, o->name, value(o));
	return options;
}

bool fd2_has_default(const char *name)
{
	const struct opt *o;
	for (int i = 0; defaults && (o = option(i)); i++) {
		if (strcmp(o->name, name) != 0)
			continue;
		json_t *now = value(o);
		bool same = json_equal(now, json_object_get(defaults, name));
		json_decref(now);
		return same;
	}
	return false;
}

static const struct opt *named(const char *name)
{
	const struct opt *o;
	for (int i = 0; (o = option(i)); i++)
		if (!strcmp(o->name, name))
			return o;
	die("there is no option '%s'", name);
}

/* By any of its names. */
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
	return opt_given(name) && !fd2_has_default(name);
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

void opts_exclude(const char *const *names, const char *why)
{
	for (; *names; names++)
		if (opt_changed(*names))
			die_usage("%s: it goes without --%s", why, *names);
}

json_t *fd2_provenance(void)
{
	json_t *options = values(true);
	json_object_update_existing(options, resolved);
	return json_pack(
	    "{s:s, s:s, s:o}", "tool", tool->name, "version", fd2_version, "options", options);
}

void fd2_resolved(const char *option, json_t *v)
{
	if (!resolved)
		resolved = json_object();
	json_object_set_new(resolved, option, v);
}

json_t *fd2_argv(void)
{
	json_t *argv = json_array();
	for (int i = 0; i < saved_argc; i++)
		json_array_append_new(argv, json_text(saved_argv[i]));
	return argv;
}

static void print_default(const struct opt *o)
{
	int n = 0;
	const char *s = o->kind == OPT_STRING   ? *(const char **)o->to
	                : o->kind == OPT_CHOICE ? chosen(o, &n)
	                                        : NULL;
	if (o->kind == OPT_INT && *(long *)o->to != OPT_UNSET)
		printf(" (default %ld)", *(long *)o->to);
	else if (o->kind == OPT_REAL && !isnan(*(double *)o->to))
		printf(" (default %.6g)", *(double *)o->to);
	else if (s)
		printf(" (default %.*s)", n ? n : (int)strlen(s), s);
	for (int i = 0; o->kind == OPT_REALS && i < o->count; i++)
		printf("%s%.6g%s", i ? "," : " (default ", ((double *)o->to)[i],
		    i == o->count - 1 ? ")" : "");
}

/* Too many choices for a column: they follow on lines of their own. */
static void print_choices(const char *choices)
{
	enum { WIDTH = 90, INDENT = 30 };
	for (int at = 0; *choices;) {
		int n = (int)strcspn(choices, "|");
		if (!at || at + n + 2 > WIDTH)
			at = printf("%s\n%*s", at ? "," : "", INDENT, "") - 1 - (at > 0);
		else
			at += printf(", ");
		at += printf("%.*s", n, choices);
		choices += n + (choices[n] == '|');
	}
}

static void print_option(const struct opt *o)
{
	char left[64];
	char letter[8] = "   ";
	bool many = o->choices && strlen(o->choices) > 40;
	if (o->letter)
		snprintf(letter, sizeof letter, "-%c,", o->letter);
	snprintf(left, sizeof left, "%s --%s%s%s", letter, o->name, o->arg ? " " : "",
	    o->arg ? (o->choices && !many ? o->choices : o->arg) : "");
	printf(strlen(left) > 27 ? "  %s\n  %27s %s" : "  %-27s%s %s", left, "", o->help);
	print_default(o);
	if (many)
		print_choices(o->choices);
	putchar('\n');
}

static void print_help(void)
{
	printf("usage: %s %s\n%s\n\n", tool->name, tool->synopsis, tool->purpose);
	const struct opt *o;
	for (int i = 0; (o = option(i)); i++)
		if (!o->hidden)
			print_option(o);
	for (int i = 0; i < tool->n_presets; i++)
		printf("%s  %-10s %s\n", i ? "" : "\npresets:\n", tool->presets[i].name,
		    tool->presets[i].options);
	printf("\n'-' is standard input or output. See %s(1).\n", tool->name);
}

/* For the shell completion: one option per line, its choices after a tab; those of the first
 * operand in the same way. */
static void print_list(void)
{
	const struct opt *o;
	if (tool->choices)
		printf("operand\t%s\n", tool->choices);
	for (int i = 0; (o = option(i)); i++) {
		if (o->hidden)
			continue;
		printf("--%s%s%s\n", o->name, o->choices ? "\t" : "", o->choices ? o->choices : "");
		if (o->letter)
			printf("-%c%s%s\n", o->letter, o->choices ? "\t" : "",
			    o->choices ? o->choices : "");
	}
	puts("--help\n--version");
}

static int min3(int a, int b, int c)
{
	int m = a < b ? a : b;
	return m < c ? m : c;
}

/* Edit distance (Levenshtein 1966), one row of the table at a time. */
static int distance(const char *a, const char *b)
{
	int row[64], n = (int)strlen(b);
	if (n >= 64)
		return 64;
	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 1; a[i - 1]; i++) {
		int diagonal = row[0];
		row[0] = i;
		for (int j = 1; j <= n; j++) {
			int up = row[j];
			row[j] = min3(up + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = up;
		}
	}
	return row[n];
}

/* getopt accepts a prefix of a name if it is unambiguous. */
static void refuse_ambiguous(const char *name)
{
	const struct opt *o, *first = NULL;
	size_t n = strlen(name + 2);
	for (int i = 0; (o = option(i)); i++) {
		if (strncmp(name + 2, o->name, n))
			continue;
		if (first)
			die_usage("option '%s' is short for '--%s' and '--%s'", name, first->name,
			    o->name);
		first = o;
	}
}

/* The option of which the name is a longer form, "--batch-size" of "--batch". */
static const struct opt *shorter(const char *name)
{
	const struct opt *o, *best = NULL;
	for (int i = 0; (o = option(i)); i++) {
		size_t n = strlen(o->name);
		if (!o->hidden && !strncmp(name, o->name, n) && name[n] == '-' &&
		    (!best || n > strlen(best->name)))
			best = o;
	}
	return best;
}

static _Noreturn void unknown(const char *name)
{
	const struct opt *o, *best = NULL;
	int least = 2 + (int)strlen(name + 2) / 5; /* a letter in five may be wrong, and one more */
	if (!strncmp(name, "--", 2))
		refuse_ambiguous(name);
	for (int i = 0; (o = option(i)); i++) {
		int d = strncmp(name, "--", 2) ? 64 : distance(name + 2, o->name);
		if (d < least && !o->hidden) {
			least = d;
			best = o;
		}
	}
	if (!best && !strncmp(name, "--", 2))
		best = shorter(name + 2);
	if (best)
		die_usage("unknown option '%s'; did you mean '--%s'?", name, best->name);
	die_usage("unknown option '%s'", name);
}

/* getopt's tables from ours; a long option's value is 2000 + its index, a letter's is itself. */
static void tables(struct option *longs, char *shorts)
{
	const struct opt *o;
	int n = 0;
	*shorts++ = ':';
	*shorts++ = 'h';
	for (int i = 0; (o = option(i)); i++) {
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
	for (int i = 0; (o = option(i)); i++)
		if (c >= 2000 ? i == c - 2000 : o->letter == c)
			return o;
	return NULL;
}

/* The option that getopt complains about, as the user wrote it, without a value; for a long one
 * that is argv's. */
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
	printf("%s %s (%s)\n", tool->name, fd2_version, libtorch);
	free(libtorch);
}

/* Whether that option was a question, which is answered. */
static bool answer(int c)
{
	if (c == 'h' || c == HELP)
		print_help();
	else if (c == VERSION)
		print_version();
	else if (c == LIST)
		print_list();
	else
		return false;
	return true;
}

/* Whether an option that was given stands for it. */
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
		unknown(as_written);
	set(o, optarg);
	if (!was_given(o))
		given[n_given++] = o;
}

/* That of --preset, or its default unless an option that was given replaces it. */
static const struct preset *preset_of_run(void)
{
	const struct opt *o = tool->n_presets ? named("preset") : NULL;
	int i = o && (was_given(o) || !is_replaced(o)) ? *(const int *)o->to : -1;
	return i < 0 ? NULL : &tool->presets[i];
}

/* Calls f for each option of the preset that counts; value NULL: a flag. */
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
	set(o, value);
}

static void describe_option(const struct opt *o, const char *value, void *ctx)
{
	char **text = ctx, *longer = xasprintf(
	                       "%s --%s%s%s", *text, o->name, value ? " " : "", value ? value : "");
	free(*text);
	*text = longer;
}

char *fd2_preset(void)
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

/* The files of the options and the operands. */
static void check_files(char *const *operands, int n)
{
	const struct opt *o;
	for (int i = 0; (o = option(i)); i++) {
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
	for (int i = tool->words; i < n; i++)
		files_read(operands[i], operands);
	files_check();
}

int opts_parse(const struct tool *t, int argc, char **argv)
{
	struct option longs[OPTIONS_MAX + 4];
	char shorts[2 * OPTIONS_MAX + 8];
	int c;
	tool = t;
	saved_argc = argc;
	saved_argv = xcalloc(
	    (size_t)argc + 1, sizeof *saved_argv); /* in the order given: getopt moves operands */
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
	if (tool->wants_stdin && optind == argc && isatty(STDIN_FILENO))
		die_usage("nothing to read: name a file, or pipe one in");
	check_files(argv + optind, argc - optind);
	return optind;
}
