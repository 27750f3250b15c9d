/* The names of an enum's values in one string, "a|b|c". */
#ifndef FD2_CHOICE_H
#define FD2_CHOICE_H
#include <jansson.h>

/* The place of a name, from 0; or -1. */
int choice_of(const char *choices, const char *name);
/* The name at a place, *n bytes long and not ended by a 0; NULL: there is none. */
const char *choice_at(const char *choices, int at, int *n);
/* The same as a JSON string. A new reference. */
json_t *choice_to_json(const char *choices, int at);
#endif
