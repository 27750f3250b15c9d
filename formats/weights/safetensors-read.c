#include <stdlib.h>
#include <string.h>

#include "formats/json.h"
#include "formats/weights/safetensors.h"
#include "lib/base/err.h"

/* values per tensor: its name, type, offsets and up to a dozen sides */
enum { VALUES_MAX = 20 * STATE_TENSORS_MAX };

/* Where a tensor's data lie, relative to the end of the header. */
struct range {
	uint64_t begin, end;
	const char *name;
};

/* Parses the header. NULL: fail_message. */
static json_t *load_header(const char *text, uint64_t n, const char *file)
{
	return parse_json_object(text, n, VALUES_MAX, "the header of '%s'", file);
}

static json_t *read_header(const struct bytes *file, uint64_t *data)
{
	uint8_t length[8];
	uint64_t n = 0;
	if (bytes_read(file, 0, sizeof length, length) < 0)
		return NULL;
	for (int i = 8; i-- > 0;)
		n = n << 8 | length[i];
	if (n > SAFETENSORS_HEADER_MAX || n > bytes_size(file) - sizeof length)
		return fail_null(
		    "'%s' is cut short, or no safetensors: its header is said to have %llu bytes",
		    bytes_name(file), (unsigned long long)n);
	char *text = xmalloc(n + 1);
	text[n] = '\0';
	bool good = bytes_read(file, sizeof length, n, text) == 0;
	json_t *header = good ? load_header(text, n, bytes_name(file)) : NULL;
	free(text);
	*data = sizeof length + n;
	return header;
}

static int check_metadata(const json_t *metadata, const char *file)
{
	const char *key;
	json_t *v;
	bool good = json_is_object(metadata);
	json_object_foreach ((json_t *)metadata, key, v)
		good &= json_is_string(v);
	return good ? 0 : fail("the metadata of '%s' are not all strings", file);
}

static bool parse_range(const json_t *o, struct range *r)
{
	json_int_t begin = json_integer_value(json_array_get(o, 0)),
	           end = json_integer_value(json_array_get(o, 1));
	bool good = json_array_size(o) == 2 && json_is_integer(json_array_get(o, 0)) &&
	            json_is_integer(json_array_get(o, 1)) && begin >= 0 && begin <= end;
	r->begin = good ? (uint64_t)begin : 0;
	r->end = good ? (uint64_t)end : 0;
	return good;
}

static bool parse_shape(const json_t *o, struct state_tensor *t)
{
	bool good = json_is_array(o) && json_array_size(o) <= STREAM_RANK_MAX;
	t->rank = good ? (int)json_array_size(o) : 0;
	for (int i = 0; i < t->rank; i++) {
		t->shape[i] = json_integer_value(json_array_get(o, (size_t)i));
		good &= json_is_integer(json_array_get(o, (size_t)i)) && t->shape[i] >= 0;
	}
	return good;
}

/* Returns the bytes of the shape; -1: too many to count. */
static int64_t bytes_of(const struct state_tensor *t)
{
	int64_t bytes = (int64_t)state_type_size(t->type);
	bool zero = false;
	for (int i = 0; i < t->rank; i++) {
		zero |= !t->shape[i];
		if (t->shape[i] && __builtin_mul_overflow(bytes, t->shape[i], &bytes))
			return -1;
	}
	return zero ? 0 : bytes;
}

static int parse_tensor(const struct bytes *file, const char *name, const json_t *o,
    struct state_tensor *t, struct range *r)
{
	const char *type = json_string_value(json_object_get(o, "dtype"));
	*t = (struct state_tensor){0};
	r->name = name;
	if (!type || !parse_shape(json_object_get(o, "shape"), t) ||
	    !parse_range(json_object_get(o, "data_offsets"), r))
		return fail("tensor '%s' of '%s' lacks a dtype, a shape of at most %d sides or its "
		            "data_offsets",
		    name, bytes_name(file), STREAM_RANK_MAX);
	t->type = state_type_named(type);
	if (t->type == STATE_TYPES)
		return fail("tensor '%s' of '%s' has the type %s, which is not read", name,
		    bytes_name(file), type);
	if (bytes_of(t) < 0 || (uint64_t)bytes_of(t) != r->end - r->begin)
		return fail("tensor '%s' of '%s' has data that do not fit its shape", name,
		    bytes_name(file));
	table_dense(t);
	t->count = (int64_t)((r->end - r->begin) / state_type_size(t->type));
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin)
	                            : (x->end > y->end) - (x->end < y->end);
}

/* Checks that the ranges follow each other from 0 to the end of the file. */
static int check_ranges(struct range *v, int n, uint64_t size, const char *file)
{
	uint64_t at = 0;
	qsort(v, (size_t)n, sizeof *v, by_place);
	for (int i = 0; i < n; i++) {
		if (v[i].begin != at)
			return fail("'%s' has %s before the data of tensor '%s'", file,
			    v[i].begin < at ? "an overlap" : "a hole", v[i].name);
		at = v[i].end;
	}
	if (at > size)
		return fail("'%s' is cut short: it has %llu of %llu bytes of data", file,
		    (unsigned long long)size, (unsigned long long)at);
	return at == size ? 0
	                  : fail("'%s' has %llu bytes after its end", file,
	                        (unsigned long long)(size - at));
}

static int parse_header(const struct bytes *file, json_t *header, uint64_t data,
    struct state_table *table, json_t **metadata)
{
	struct range *ranges = xcalloc(json_object_size(header) + 1, sizeof *ranges);
	const char *name;
	json_t *o;
	int n = 0, err = 0;
	json_object_foreach (header, name, o) {
		struct state_tensor t;
		if (!strcmp(name, "__metadata__")) {
			err = check_metadata(o, bytes_name(file));
			*metadata = json_incref(o);
		} else if ((err = parse_tensor(file, name, o, &t, &ranges[n])) == 0) {
			t.at = data + ranges[n++].begin;
			err = table_add(
			    table, &t, name, strlen(name), bytes_name(file), bytes_size(file));
		}
		if (err < 0)
			break;
	}
	if (!err)
		err = check_ranges(ranges, n, bytes_size(file) - data, bytes_name(file));
	free(ranges);
	return err;
}

int safetensors_read(struct bytes *file, struct state_table *table, json_t **metadata)
{
	uint64_t data = 0;
	json_t *header = read_header(file, &data);
	if (!header)
		return -1;
	int err = parse_header(file, header, data, table, metadata);
	json_decref(header);
	return err;
}
