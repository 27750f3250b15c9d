#include "lib/base/opt-value.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "lib/base/choice.h"
#include "lib/base/err.h"
#include "lib/base/names.h"

static bool bounded(const struct opt *o)
{
	return o->min != 0 || o->max != 0;
}

/* Returns how many decimals show a limit as it was written: 0.001, 9007199254740991. */
static int decimals(double limit)
{
	int n = 0;
	for (double scale = 1; n < 9 && fabs(limit * scale - round(limit * scale)) > 1e-9; n++)
		scale *= 10;
	return n;
}

NO_RETURN static void bad_value(const struct opt *o, const char *kind, const char *text)
{
	if (bounded(o))
		die_usage("--%s expects %s from %.*f to %.*f, not '%s'", o->name, kind,
		    decimals(o->min), o->min, decimals(o->max), o->max, text);
	die_usage("--%s expects %s, not '%s'", o->name, kind, text);
}

/* Parses the whole number at the start of text. Returns what follows it, or NULL. */
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

/* Parses the number at the start of text. Returns what follows it, or NULL. */
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

static int choice(const struct opt *o, const char *text)
{
	int i = choice_of(o->choices, text);
	if (i < 0)
		die_usage("--%s expects one of %s, not '%s'", o->name, o->choices, text);
	return i;
}

const char *opt_chosen(const struct opt *o, int *n)
{
	int i = *(const int *)o->to - (int)o->min;
	return i < 0 ? NULL : choice_at(o->choices, i, n);
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

void opt_set(const struct opt *o, const char *text)
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

json_t *text_to_json(const char *s)
{
	char *text = name_utf8(s);
	json_t *v = json_string(text);
	free(text);
	return v;
}

/* Returns [A, B], or [A, null] for "A-"; null: everything, or not given. */
static json_t *range_to_json(const struct opt_range *r)
{
	bool open = r->last == LONG_MAX;
	if (r->first < 0 || (open && !r->first))
		return json_null();
	return json_pack(
	    "[I, o]", (json_int_t)r->first, open ? json_null() : json_integer((json_int_t)r->last));
}

json_t *opt_value(const struct opt *o)
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
		return s ? text_to_json(s) : json_null();
	case OPT_CHOICE:
		s = opt_chosen(o, &n);
		return s ? json_stringn(s, (size_t)n) : json_null();
	case OPT_LIST:
		a = json_array();
		for (int i = 0; i < list->n; i++)
			json_array_append_new(a, text_to_json(list->v[i]));
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
