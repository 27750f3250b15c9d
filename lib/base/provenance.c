#include "lib/base/provenance.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/opts.h"

enum { DIGEST_SHOWN = 12, DIGEST_LENGTH = 64 };

/* Returns whether the entry or option of that name may differ. */
static bool may_differ(const char *name)
{
	return !strcmp(name, "threads") || !strcmp(name, "version");
}

static bool is_nothing(const json_t *value)
{
	return !value || json_is_null(value) || json_is_false(value);
}

/* Formats a setting for a message: "--lr 0.1", "no --nesterov". */
static char *setting(const char *name, const json_t *value)
{
	if (is_nothing(value))
		return xasprintf("no --%s", name);
	if (json_is_true(value))
		return xasprintf("--%s", name);
	if (json_is_string(value))
		return xasprintf("--%s %s", name, json_string_value(value));
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_DECIMALS),
	     *whole = xasprintf("--%s %s", name, text);
	free(text);
	return whole;
}

static int differ(const char *what, const char *name, const json_t *was, const json_t *now)
{
	char *a = setting(name, was), *b = setting(name, now);
	fail("'%s' was made with %s, not with %s", what, a, b);
	free(a);
	free(b);
	return -1;
}

int options_include(const char *what, const json_t *was, const json_t *now)
{
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)now, name, value) {
		const json_t *old = json_object_get(was, name);
		if (may_differ(name) || (!old && opt_is_default(name)) || json_equal(old, value))
			continue;
		return differ(what, name, old, value);
	}
	return 0;
}

int options_equal(const char *what, const json_t *was, const json_t *now)
{
	const char *name;
	json_t *value;
	if (options_include(what, was, now) < 0)
		return -1;
	json_object_foreach ((json_t *)was, name, value) {
		if (json_object_get(now, name) || is_nothing(value))
			continue;
		char *old = setting(name, value);
		fail("'%s' was made with %s, which this %s does not have", what, old, prog_name);
		free(old);
		return -1;
	}
	return 0;
}

static bool is_digest(const json_t *value)
{
	return json_string_length(value) == DIGEST_LENGTH;
}

/* Formats a value for a message: digests by their first digits, other values as JSON. */
static char *shown(const json_t *value)
{
	if (is_digest(value))
		return xasprintf("%.*s...", DIGEST_SHOWN, json_string_value(value));
	if (is_digest(json_array_get(value, 0))) {
		char *all = shown(json_array_get(value, 0));
		for (size_t i = 1; i < json_array_size(value); i++) {
			char *one = shown(json_array_get(value, i)), *list = all;
			all = xasprintf("%s, %s", list, one);
			free(list);
			free(one);
		}
		return all;
	}
	const size_t flags = JSON_ENCODE_ANY | JSON_COMPACT | JSON_DECIMALS;
	char *text = value ? json_dumps(value, flags) : NULL,
	     *copy = text ? xasprintf("%.60s", text) : xstrdup("unset");
	free(text);
	return copy;
}

static int entry_equal(const char *what, const char *name, const json_t *was, const json_t *now);

/* Compares all entries except the options, which may be those of another version. */
static int each_equal(const char *what, const json_t *of, const json_t *was, const json_t *now)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)of, key, value)
		if (!may_differ(key) && strcmp(key, "options") &&
		    entry_equal(what, key, json_object_get(was, key), json_object_get(now, key)) <
		        0)
			return -1;
	return 0;
}

static int entry_equal(const char *what, const char *name, const json_t *was, const json_t *now)
{
	if (json_equal(was, now))
		return 0;
	if (json_is_object(was) && json_is_object(now))
		return each_equal(what, now, was, now) || each_equal(what, was, was, now) ? -1 : 0;
	char *a = shown(was), *b = shown(now);
	fail("'%s' was made with %s %s, not %s", what, name, a, b);
	free(a);
	free(b);
	return -1;
}

int entries_include(const char *what, const json_t *was, const json_t *now)
{
	return each_equal(what, now, was, now);
}

/* `was` may have more entries: a finished output's record also has results. */
int provenance_agree(const char *what, const json_t *was, const json_t *now)
{
	int err =
	    options_equal(what, json_object_get(was, "options"), json_object_get(now, "options"));
	return err ? err : entries_include(what, was, now);
}
