/* Parses JSON objects of limited size: in memory, a value takes up to 150 times its bytes. */
#ifndef FD2_JSON_H
#define FD2_JSON_H
#include <jansson.h>
#include <stddef.h>

/* Parses the object in n bytes of text, of at most `values` values; refuses repeated keys. NULL:
 * fail_message, which begins with `what` ("the header of '%s'", file). */
__attribute__((format(printf, 4, 5))) json_t *parse_json_object(
    const char *text, size_t n, size_t values, const char *what, ...);
/* Parses the object in a file of at most 256 MiB and four million values. */
json_t *read_json_object(const char *path);
#endif
