#include "formats/blob.h"

#include <string.h>

#include "lib/base/err.h"

void blob_reserve(struct blob *b, size_t n)
{
	if (n <= b->cap)
		return;
	b->cap = n > 2 * b->cap ? n : 2 * b->cap;
	b->data = xrealloc(b->data, b->cap, 1);
}

void blob_append(struct blob *b, const void *data, size_t n)
{
	blob_reserve(b, b->size + n);
	if (n)
		memcpy(b->data + b->size, data, n);
	b->size += n;
}
