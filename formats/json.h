/* JSON objects within bounds: a value takes up to a hundred and fifty times its bytes. */
#ifndef FD2_JSON_H
#define FD2_JSON_H
#include <jansson.h>
#include <stddef.h>

/* The object in n bytes of text, of at most `values` values; a key may come once. NULL:
 * fail_message, which begins with `what` ("the header of '%s'", file). */
__attribute__((format(printf, 4, 5))) json_t *parse_json_object(
    const char *text, size_t n, size_t values, const char *what, ...);
/* The same of a file, of at most 256 MiB and four million values. */
json_t *read_json_object(const char *path);
#endif
