#include <stdlib.h>
#include <string.h>

#include "formats/weights/safetensors.h"
#include "lib/base/err.h"
#include "lib/base/provenance.h"

enum { ALIGN = 8 };

static int in_order(const void *a, const void *b)
{
	const struct array *x = *(const struct array *const *)a,
	                   *y = *(const struct array *const *)b;
	size_t size_x = fd2_dtype_size(x->dtype), size_y = fd2_dtype_size(y->dtype);
	return size_x != size_y ? (size_x < size_y) - (size_x > size_y) : strcmp(x->name, y->name);
}

static json_t *describe(const struct array *a, uint64_t at)
{
	json_t *shape = json_array();
	for (int i = 0; i < a->rank; i++)
		json_array_append_new(shape, json_integer(a->shape[i]));
	return json_pack("{s:s, s:o, s:[I, I]}", "dtype", state_type_name(a->dtype), "shape", shape,
	    "data_offsets", (json_int_t)at, (json_int_t)(at + a->size));
}

static int add_metadata(json_t *header, const json_t *metadata)
{
	const char *key;
	json_t *v;
	json_object_foreach ((json_t *)metadata, key, v)
		if (!json_is_string(v))
			return fail(
			    "the metadata of safetensors are strings, and '%s' is none", key);
	return metadata ? json_object_set_new(header, "__metadata__", json_deep_copy(metadata)) : 0;
}

static json_t *make_header(const struct array *const *v, int n, const json_t *metadata)
{
	json_t *header = json_object();
	uint64_t at = 0;
	int err = add_metadata(header, metadata);
	for (int i = 0; i < n && !err; i++) {
		if (json_object_get(header, v[i]->name))
			err = fail("safetensors cannot hold two tensors '%s'", v[i]->name);
		else if (json_object_set_new(header, v[i]->name, describe(v[i], at)) < 0)
			err = fail("the name of tensor '%s' is not UTF-8", v[i]->name);
		at += v[i]->size;
	}
	if (!err)
		return header;
	json_decref(header);
	return NULL;
}

/* Writes the header's length, the header, and spaces up to a multiple of 8. */
static int write_header(struct out *out, const json_t *header)
{
	char *text = json_dumps(header, JSON_COMPACT);
	size_t n = strlen(text), padded = (n + ALIGN - 1) / ALIGN * ALIGN;
	uint8_t length[8];
	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t)(padded >> 8 * i);
	int err = padded > SAFETENSORS_HEADER_MAX
	              ? fail("the header of %s exceeds 100 MB", out_name(out))
	              : 0;
	if (!err && (out_write(out, length, sizeof length) < 0 || out_write(out, text, n) < 0 ||
	                out_write(out, "        ", padded - n) < 0))
		err = -1;
	free(text);
	return err;
}

static int write_all(struct out *out, const struct array *const *v, int n, const json_t *metadata)
{
	json_t *header = make_header(v, n, metadata);
	int err = header ? write_header(out, header) : -1;
	json_decref(header);
	for (int i = 0; i < n && !err; i++)
		err = out_write(out, v[i]->data, v[i]->size);
	return err;
}

json_t *safetensors_metadata(const json_t *meta)
{
	char *text = meta ? json_dumps(meta, JSON_COMPACT | JSON_DECIMALS) : NULL;
	json_t *metadata = json_pack("{s:s, s:s*}", "format", "pt", "fd2", text);
	free(text);
	return metadata;
}

int safetensors_write(struct out *out, const struct array *v, int n, const json_t *metadata)
{
	const struct array **sorted = xcalloc((size_t)n + 1, sizeof *sorted);
	for (int i = 0; i < n; i++)
		sorted[i] = &v[i];
	qsort(sorted, (size_t)n, sizeof *sorted, in_order);
	int err = write_all(out, sorted, n, metadata);
	free(sorted);
	if (!err)
		return out_close(out);
	out_abandon(out);
	return -1;
}
