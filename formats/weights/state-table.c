#include "formats/weights/state-table.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "formats/stream/dtype.h"
#include "lib/base/err.h"
#include "lib/base/names.h"

enum { REPEAT_MAX = 4 }; /* a file's tensors may have this many times its size in all, plus: */
static const uint64_t repeat_free = 64 << 20;

static bool is_name(const char *name, size_t n)
{
	json_t *utf8 = json_stringn(name, n);
	bool good = n && n <= NAME_MAX_BYTES && utf8;
	for (size_t i = 0; i < n && good; i++)
		good = (unsigned char)name[i] >= 0x20 && name[i] != 0x7f;
	json_decref(utf8);
	return good;
}

/* Counts the elements of the tensor, and those of its storage from the first to the last that it
 * uses. False: no such tensor can exist. */
static bool measure(const struct state_tensor *t, int64_t *elements, int64_t *span)
{
	*elements = *span = 1;
	for (int i = 0; i < t->rank; i++)
		if (t->shape[i] < 0 || t->stride[i] < 0)
			return false;
		else if (!t->shape[i])
			*elements = 0;
	if (t->offset < 0 || t->count < 0 || t->offset > t->count)
		return false;
	for (int i = 0; i < t->rank && *elements; i++) {
		int64_t reach;
		if (__builtin_mul_overflow(*elements, t->shape[i], elements) ||
		    __builtin_mul_overflow(t->shape[i] - 1, t->stride[i], &reach) ||
		    __builtin_add_overflow(*span, reach, span))
			return false;
	}
	if (!*elements)
		*span = 0;
	return *span <= t->count - t->offset;
}

static int check(
    struct state_table *table, const struct state_tensor *t, const char *file, uint64_t size)
{
	int64_t elements, span;
	uint64_t bytes;
	if (!measure(t, &elements, &span))
		return fail(
		    "tensor '%s' of '%s' has elements outside of its storage", t->name, file);
	if (__builtin_mul_overflow(
	        (uint64_t)elements, fd2_dtype_size(state_type_read_as(t->type)), &bytes) ||
	    __builtin_add_overflow(table->bytes, bytes, &table->bytes) ||
	    table->bytes > repeat_free + REPEAT_MAX * size)
		return fail("tensor '%s' of '%s' repeats its elements too often", t->name, file);
	return 0;
}

int table_add(struct state_table *table, const struct state_tensor *t, const char *name, size_t n,
    const char *file, uint64_t size)
{
	if (!is_name(name, n))
		return fail("'%s' has a tensor whose name is empty, too long or no text", file);
	if (table->n == STATE_TENSORS_MAX)
		return fail("'%s' holds more than %d tensors", file, STATE_TENSORS_MAX);
	if (table->n == table->cap) {
		table->cap = table->cap ? 2 * table->cap : 64;
		table->v = xrealloc(table->v, (size_t)table->cap, sizeof *table->v);
	}
	struct state_tensor *added = &table->v[table->n++];
	*added = *t;
	added->name = xasprintf("%.*s", (int)n, name);
	for (int i = 0; i < added->rank; i++)
		if (added->shape[i] <= 1)
			added->stride[i] = 0; /* unused, and may be anything */
	return check(table, added, file, size);
}

static int check_unique(const struct state_table *table, const char *file)
{
	char **names = xcalloc((size_t)table->n, sizeof *names);
	int err = 0;
	for (int i = 0; i < table->n; i++)
		names[i] = table->v[i].name;
	qsort(names, (size_t)table->n, sizeof *names, by_string);
	for (int i = 1; i < table->n && !err; i++)
		if (!strcmp(names[i - 1], names[i]))
			err = fail("'%s' has two tensors '%s'", file, names[i]);
	free(names);
	return err;
}

static bool all_begin_with(const struct state_table *table, const char *prefix)
{
	size_t n = strlen(prefix);
	for (int i = 0; i < table->n; i++)
		if (strncmp(table->v[i].name, prefix, n) != 0 || !table->v[i].name[n])
			return false;
	return true;
}

/* Removes a wrapper's prefix from all names. False: there is none. */
static bool unwrap(struct state_table *table)
{
	static const char *const wrappers[] = {
	    "module.", "_orig_mod.", "model.", "backbone.", "net."};
	for (size_t w = 0; w < sizeof wrappers / sizeof *wrappers; w++) {
		if (!all_begin_with(table, wrappers[w]))
			continue;
		for (int i = 0; i < table->n; i++) {
			char *name = table->v[i].name, *inner = name + strlen(wrappers[w]);
			memmove(name, inner, strlen(inner) + 1);
		}
		return true;
	}
	return false;
}

int table_close(struct state_table *table, const char *file)
{
	if (!table->n)
		return fail("'%s' holds no tensors", file);
	while (unwrap(table))
		;
	return check_unique(table, file);
}

void table_dense(struct state_tensor *t)
{
	int64_t step = 1;
	for (int i = t->rank; i-- > 0;) {
		t->stride[i] = step;
		if (t->shape[i] > 1 && __builtin_mul_overflow(step, t->shape[i], &step))
			step = INT64_MAX; /* more than any storage: table_add refuses it */
	}
}

static bool is_dense(const struct state_tensor *t)
{
	struct state_tensor dense = *t;
	table_dense(&dense);
	for (int i = 0; i < t->rank; i++)
		if (t->shape[i] > 1 && t->stride[i] != dense.stride[i])
			return false;
	return true;
}

/* Puts the elements of a storage into C order: to[] counts up, `at` follows the strides. */
static void gather(
    const struct state_tensor *t, uint8_t *to, const uint8_t *storage, int64_t elements)
{
	int64_t index[STREAM_RANK_MAX] = {0}, at = 0;
	size_t size = state_type_size(t->type);
	for (int64_t i = 0; i < elements; i++) {
		memcpy(to + (size_t)i * size, storage + (size_t)at * size, size);
		for (int d = t->rank; d-- > 0;) {
			at += t->stride[d];
			if (++index[d] < t->shape[d])
				break;
			at -= t->stride[d] * t->shape[d];
			index[d] = 0;
		}
	}
}

int table_read(const struct state_tensor *t, const struct bytes *from, struct array *a)
{
	size_t size = state_type_size(t->type);
	int64_t elements, span;
	measure(t, &elements, &span);
	uint8_t *raw = xmalloc((size_t)span * size + 1), *ordered = raw;
	if (bytes_read(from, t->at + (uint64_t)t->offset * size, (size_t)span * size, raw) < 0) {
		free(raw);
		return -1;
	}
	if (!is_dense(t)) {
		ordered = xmalloc((size_t)elements * size + 1);
		gather(t, ordered, raw, elements);
		free(raw);
	}
	*a = (struct array){
	    .name = xstrdup(t->name), .dtype = state_type_read_as(t->type), .rank = t->rank};
	memcpy(a->shape, t->shape, sizeof a->shape);
	a->size = (size_t)elements * fd2_dtype_size(a->dtype);
	a->data = xmalloc(a->size + 1);
	state_type_convert(t->type, a->data, ordered, (size_t)elements);
	free(ordered);
	return 0;
}

void table_free(struct state_table *table)
{
	for (int i = 0; i < table->n; i++)
		free(table->v[i].name);
	free(table->v);
	*table = (struct state_table){0};
}
