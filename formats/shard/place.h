/* Bytes that can be read in any order: a file on disk, or what came through a pipe, kept in
 * memory. */
#ifndef FD2_PLACE_H
#define FD2_PLACE_H
#include <stddef.h>
#include <stdint.h>

struct place;

/* path NULL or "-" is standard input, which is read to its end. NULL: fail_message. */
struct place *place_open(const char *path);
/* Over memory; borrowed, or (place_take) freed by place_close. */
struct place *place_open_memory(const void *data, size_t size);
struct place *place_take(const char *name, void *data, size_t size);
/* For messages. */
const char *place_name(const struct place *p);
uint64_t place_size(const struct place *p);
/* Bytes at .. at+n-1. -1: fail_message; also when they are beyond the end. */
int place_read(const struct place *p, uint64_t at, size_t n, void *to);
void place_close(struct place *p);
#endif
