#include "lib/base/choice.h"

#include <string.h>

const char *choice_at(const char *choices, int at, int *n)
{
	for (; at > 0; at--, choices++)
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

json_t *choice_to_json(const char *choices, int at)
{
	int n = 0;
	const char *name = choice_at(choices, at, &n);
	return json_stringn(name, (size_t)n);
}
