/* What every container of weights is reduced to: where each tensor's elements are. */
#ifndef FD2_STATE_TABLE_H
#define FD2_STATE_TABLE_H
#include "formats/bytes.h"
#include "formats/weights/state-type.h"

enum { STATE_TENSORS_MAX = 1 << 17 };

/* Element (i, j, ...) is number offset + i*stride[0] + j*stride[1] + ... of a storage of `count`
 * elements, which begins at byte `at`. */
struct state_tensor {
	char *name;
	enum state_type type;
	int rank;
	int64_t shape[STREAM_RANK_MAX], stride[STREAM_RANK_MAX];
	int64_t offset, count;
	uint64_t at;
};

struct state_table {
	struct state_tensor *v;
	int n, cap;
	uint64_t bytes; /* bytes of all tensors, once read */
	bool nested;    /* also hold the tensors below dicts and lists, under their paths */
};

/* Adds *t, copying its name of n bytes. -1: fail_message, naming file and tensor: a name that is
 * empty, over 1024 bytes, not UTF-8 or has control characters; elements outside the storage; more
 * elements in all than `size`, the file's, can account for (views may repeat elements). */
int table_add(struct state_table *table, const struct state_tensor *t, const char *name, size_t n,
    const char *file, uint64_t size);
/* Call after the last tensor. Removes wrappers' prefixes that all names share: "module.",
 * "_orig_mod.", "model.", "backbone." and "net.", also one inside another. -1: fail_message, two
 * names are the same or there are none. */
int table_close(struct state_table *table, const char *file);
/* Reads the elements in C order into *a, which the caller frees with fd2_array_free. -1:
 * fail_message. */
int table_read(const struct state_tensor *t, const struct bytes *from, struct array *a);
void table_free(struct state_table *table);
/* Sets the strides of C order. */
void table_dense(struct state_tensor *t);
#endif
