/* Lists of names, such as classes: copying, freeing, and conversion to and from JSON. */
#ifndef FD2_NAMES_H
#define FD2_NAMES_H
#include <jansson.h>

char **names_copy(const char *const *names, int n);
void names_free(char **names, int n);
/* Returns the name as UTF-8, which JSON needs, in a new string: other bytes become "%E9", two
 * upper-case hexadecimal digits each. */
char *name_utf8(const char *raw);
json_t *names_to_json(const char *const *names, int n);
/* Returns NULL and *n = 0 if it is not a list of strings. */
char **names_from_json(const json_t *list, int *n);
json_t *numbers_to_json(const double *v, int n);
json_t *json_real_or_null(double x); /* null if x is not finite */
/* Compares two elements of an array of strings, for qsort and bsearch. */
int by_string(const void *a, const void *b);

/* Finds the index of a name among n names, which are borrowed. */
struct name_index;
struct name_index *name_index_new(const char *const *names, int n);
/* Returns the first index of that name; -1: there is none. */
int name_index_find(const struct name_index *index, const char *name);
void name_index_free(struct name_index *index);
#endif
