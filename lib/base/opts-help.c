#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/opt-value.h"
#include "lib/base/opts-table.h"

static void print_default(const struct opt *o)
{
	int n = 0;
	const char *s = o->kind == OPT_STRING   ? *(const char **)o->to
	                : o->kind == OPT_CHOICE ? opt_chosen(o, &n)
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

/* Prints choices that are too many for a column on separate lines. */
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

void opts_print_help(void)
{
	printf("usage: %s %s\n%s\n\n", opts_tool->name, opts_tool->synopsis, opts_tool->purpose);
	const struct opt *o;
	for (int i = 0; (o = opts_at(i)); i++)
		if (!o->hidden)
			print_option(o);
	for (int i = 0; i < opts_tool->n_presets; i++)
		printf("%s  %-10s %s\n", i ? "" : "\npresets:\n", opts_tool->presets[i].name,
		    opts_tool->presets[i].options);
	printf("\n'-' is standard input or output. See %s(1).\n", opts_tool->name);
}

/* Prints the list for the shell completion: one option per line, its choices after a tab; likewise
 * the choices of the first operand. */
void opts_print_list(void)
{
	const struct opt *o;
	if (opts_tool->choices)
		printf("operand\t%s\n", opts_tool->choices);
	for (int i = 0; (o = opts_at(i)); i++) {
		if (o->hidden)
			continue;
		printf("--%s%s%s\n", o->name, o->choices ? "\t" : "", o->choices ? o->choices : "");
		if (o->letter)
			printf("-%c%s%s\n", o->letter, o->choices ? "\t" : "",
			    o->choices ? o->choices : "");
	}
	puts("--help\n--version");
}
