#include "lib/base/names.h"

#include <stdlib.h>

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

json_t *names_to_json(const char *const *names, int n)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_string(names[i]));
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
