/* The formats of files that no tool reads, detected from their first bytes, for messages. */
#ifndef FD2_FOREIGN_H
#define FD2_FOREIGN_H
#include <stddef.h>
#include <stdint.h>

/* What the first n bytes of a file are ("an HTML page"); NULL: unknown. */
const char *foreign_format(const uint8_t *b, size_t n);
#endif
