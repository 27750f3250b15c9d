#include "lib/base/names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

char **names_copy(const char *const *names, int n)
{
	char **copy = xcalloc((size_t)n + 1, sizeof *copy);
	for (int i = 0; i < n; i++)
		copy[i] = xstrdup(names[i]);
	return copy;
}

void names_free(char **names, int n)
{
	for (int i = 0; names && i < n; i++)
		free(names[i]);
	free(names);
}

/* Returns the length in bytes of the UTF-8 character at s; 0: it is not one. */
static size_t character(const char *s)
{
	for (size_t n = 1; n <= 4 && s[n - 1]; n++) {
		json_t *text = json_stringn(s, n);
		json_decref(text);
		if (text)
			return n;
	}
	return 0;
}

char *name_utf8(const char *raw)
{
	char *text = xmalloc(3 * strlen(raw) + 1), *to = text;
	while (*raw) {
		size_t n = (unsigned char)*raw < 0x80 ? 1 : character(raw);
		if (n)
			memcpy(to, raw, n);
		else
			snprintf(to, 4, "%%%02X", (unsigned char)*raw);
		to += n ? n : 3;
		raw += n ? n : 1;
	}
	*to = '\0';
	return text;
}

json_t *names_to_json(const char *const *names, int n)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++) {
		char *name = name_utf8(names[i]);
		json_array_append_new(list, json_string(name));
		free(name);
	}
	return list;
}

char **names_from_json(const json_t *list, int *n)
{
	*n = (int)json_array_size(list);
	char **names = xcalloc((size_t)*n + 1, sizeof *names);
	for (int i = 0; i < *n; i++) {
		const char *name = json_string_value(json_array_get(list, (size_t)i));
		if (!name) {
			names_free(names, i);
			*n = 0;
			return NULL;
		}
		names[i] = xstrdup(name);
	}
	return names;
}

json_t *numbers_to_json(const double *v, int n)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_real(v[i]));
	return list;
}

json_t *json_real_or_null(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

int by_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct numbered_name {
	const char *name;
	int i;
};

struct name_index {
	int n;
	struct numbered_name sorted[];
};

static int by_name_and_number(const void *a, const void *b)
{
	const struct numbered_name *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order ? order : x->i - y->i;
}

struct name_index *name_index_new(const char *const *names, int n)
{
	struct name_index *index = xmalloc(sizeof *index + (size_t)n * sizeof *index->sorted);
	index->n = n;
	for (int i = 0; i < n; i++)
		index->sorted[i] = (struct numbered_name){names[i], i};
	qsort(index->sorted, (size_t)n, sizeof *index->sorted, by_name_and_number);
	return index;
}

int name_index_find(const struct name_index *index, const char *name)
{
	int first = 0, end = index->n;
	while (first < end) {
		int middle = first + (end - first) / 2;
		if (strcmp(index->sorted[middle].name, name) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first < index->n && !strcmp(index->sorted[first].name, name) ? index->sorted[first].i
	                                                                    : -1;
}

void name_index_free(struct name_index *index)
{
	free(index);
}
