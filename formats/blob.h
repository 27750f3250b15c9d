/* A growing buffer of bytes. */
#ifndef FD2_BLOB_H
#define FD2_BLOB_H
#include <stddef.h>
#include <stdint.h>

struct blob {
	uint8_t *data;
	size_t size, cap;
};

/* Makes room for n bytes in total. */
void blob_reserve(struct blob *b, size_t n);
void blob_append(struct blob *b, const void *data, size_t n);
#endif
