/* The names of an enum's values in one string, "a|b|c". */
#ifndef FD2_CHOICE_H
#define FD2_CHOICE_H
#include <jansson.h>

/* Returns the index of a name, from 0; -1 if it is not one of the choices. */
int choice_of(const char *choices, const char *name);
/* Returns the name at an index, *n bytes long and not ended by a 0; NULL: out of range. */
const char *choice_at(const char *choices, int at, int *n);
/* Returns that name as a JSON string, a new reference. */
json_t *choice_to_json(const char *choices, int at);
#endif
