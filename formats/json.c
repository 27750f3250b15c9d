#include "formats/json.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "formats/input.h"
#include "lib/base/err.h"

enum { FILE_BYTES_MAX = 256 << 20, FILE_VALUES_MAX = 1 << 22 };

/* Returns at least the number of values in an object: each follows one of these characters. */
static size_t count_values(const char *text, size_t n)
{
	size_t values = 0;
	for (size_t i = 0; i < n; i++)
		values += text[i] == '[' || text[i] == '{' || text[i] == ',';
	return values;
}

static json_t *parse(const char *text, size_t n, size_t values, const char *what)
{
	json_error_t why;
	if (count_values(text, n) > values)
		return fail_null("%s has more than %zu values", what, values);
	json_t *v = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(v))
		return v;
	fail("%s is not a JSON object: %s", what, v ? "another value" : why.text);
	json_decref(v);
	return NULL;
}

json_t *parse_json_object(const char *text, size_t n, size_t values, const char *what, ...)
{
	char name[PATH_MAX + 64];
	va_list ap;
	va_start(ap, what);
	vsnprintf(name, sizeof name, what, ap);
	va_end(ap);
	return parse(text, n, values, name);
}

json_t *read_json_object(const char *path)
{
	struct input *in = input_open(path);
	struct blob text = {0};
	json_t *object = NULL;
	if (in && input_read_all(in, &text, FILE_BYTES_MAX) == 0)
		object =
		    parse_json_object((char *)text.data, text.size, FILE_VALUES_MAX, "'%s'", path);
	input_close(in);
	free(text.data);
	return object;
}
