/* Writes what fd2-stat --separation prints. */
#ifndef FD2_SEPARATION_TEXT_H
#define FD2_SEPARATION_TEXT_H
#include "lib/data/separation.h"
#include <jansson.h>

/* Adds the means to `result`, and the trace of the attention if there are maps. */
void separation_add(
    json_t *result, const struct separation *s, const struct attn_set *set, int group);

/* Returns a set's name for a table: its file's name without folders and extension. To be freed. */
char *set_name(const char *path);
/* Writes a table with one line per set and class. -1: fail_message. */
int separation_write(const char *path, const struct separation *sets, char *const *names, int n);
#endif
