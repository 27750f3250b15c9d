#include <string.h>

#include "lib/base/err.h"
#include "lib/base/opts-table.h"

static int min3(int a, int b, int c)
{
	int m = a < b ? a : b;
	return m < c ? m : c;
}

/* Returns the edit distance (Levenshtein 1966), computed one row of the table at a time. */
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

/* Refuses an ambiguous prefix of a name; getopt accepts an unambiguous one. */
static void refuse_ambiguous(const char *name)
{
	const struct opt *o, *first = NULL;
	size_t n = strlen(name + 2);
	for (int i = 0; (o = opts_at(i)); i++) {
		if (strncmp(name + 2, o->name, n))
			continue;
		if (first)
			die_usage("option '%s' is short for '--%s' and '--%s'", name, first->name,
			    o->name);
		first = o;
	}
}

/* Returns the option that the name extends, as "--batch-size" extends "--batch". */
static const struct opt *shorter(const char *name)
{
	const struct opt *o, *best = NULL;
	for (int i = 0; (o = opts_at(i)); i++) {
		size_t n = strlen(o->name);
		if (!o->hidden && !strncmp(name, o->name, n) && name[n] == '-' &&
		    (!best || n > strlen(best->name)))
			best = o;
	}
	return best;
}

NO_RETURN void opts_refuse_unknown(const char *name)
{
	const struct opt *o, *best = NULL;
	int least = 2 + (int)strlen(name + 2) / 5; /* one wrong letter in five, plus one */
	if (!strncmp(name, "--", 2))
		refuse_ambiguous(name);
	for (int i = 0; (o = opts_at(i)); i++) {
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
