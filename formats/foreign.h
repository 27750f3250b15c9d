/* Detects formats that no tool reads by a file's first bytes, for messages. */
#ifndef FD2_FOREIGN_H
#define FD2_FOREIGN_H
#include <stddef.h>
#include <stdint.h>

/* Returns the format of a file ("an HTML page") from its first n bytes; NULL: unknown. */
const char *foreign_format(const uint8_t *b, size_t n);
#endif
