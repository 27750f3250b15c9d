/* Bytes that can be read in any order: a file on disk, or the contents of a pipe, in memory. */
#ifndef FD2_BYTES_H
#define FD2_BYTES_H
#include <stddef.h>
#include <stdint.h>

struct bytes;

/* Opens a file. path NULL or "-" is standard input, read to its end. NULL: fail_message. */
struct bytes *bytes_open(const char *path);
/* Open memory, which is borrowed, or (bytes_take) freed by bytes_close. */
struct bytes *bytes_open_memory(const void *data, size_t size);
struct bytes *bytes_take(const char *name, void *data, size_t size);
/* Returns the name for messages. */
const char *bytes_name(const struct bytes *p);
uint64_t bytes_size(const struct bytes *p);
/* Reads bytes at .. at+n-1. -1: fail_message, also if they are beyond the end. */
int bytes_read(const struct bytes *p, uint64_t at, size_t n, void *to);
void bytes_close(struct bytes *p);
#endif
