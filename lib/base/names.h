/* Lists of names, as of classes: copied, freed, and as JSON. */
#ifndef FD2_NAMES_H
#define FD2_NAMES_H
#include <jansson.h>

char **names_copy(const char *const *names, int n);
void names_free(char **names, int n);
/* The name as UTF-8, which JSON needs: bytes that are not become "%E9", two upper-case hexadecimal
 * digits each. A new string. */
char *name_utf8(const char *raw);
json_t *names_to_json(const char *const *names, int n);
/* NULL with n = 0 when it is not a list of strings. */
char **names_from_json(const json_t *list, int *n);
/* A list of numbers. */
json_t *numbers_to_json(const double *v, int n);
json_t *json_real_or_null(double x); /* null where x is not finite */
/* The order of an array of strings, for qsort and bsearch. */
int by_string(const void *a, const void *b);

/* Which of n names is which; they are borrowed. */
struct name_index;
struct name_index *name_index_new(const char *const *names, int n);
/* The first of that name; -1: there is none. */
int name_index_find(const struct name_index *index, const char *name);
void name_index_free(struct name_index *index);
#endif
