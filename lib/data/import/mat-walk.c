/* Checks a MATLAB file before libmatio reads it, as libmatio trusts the file's headers and may work
 * for hours on false ones. Each element must lie within the one around it, and no array may have
 * more elements than bytes. libmatio gets the checked file, unpacked. */
#include <string.h>
#include <zlib.h>

#include "lib/data/import/mat.h"

enum {
	TAG = 8,
	DEPTH_MAX = 4,
	UNPACKED_MAX = 64 << 20,
	DIMS_MAX = 8,
	FIELDS_MAX = 256,
	FIELD_NAME_MAX = 64
};
enum { MI_INT8 = 1, MI_INT32 = 5, MI_UINT32 = 6, MI_MATRIX = 14, MI_COMPRESSED = 15 };
enum { MX_CELL = 1, MX_STRUCT = 2, MX_CHAR = 4, MX_DOUBLE = 6, MX_UINT64 = 15 };

/* The remaining bytes of an element's body. */
struct body {
	const uint8_t *p;
	size_t n;
};

struct element {
	uint32_t type;
	struct body body;
};

static uint32_t word(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v); /* little endian, as in the header and on all supported CPUs */
	return v;
}

/* Takes the next element, with its padding, from the front of `b`. A small one has its size in the
 * upper half of the first word and its data in the second. False: it does not fit. */
static bool take(struct body *b, struct element *e)
{
	if (b->n < TAG)
		return false;
	uint32_t first = word(b->p), small = first >> 16;
	if (small) {
		*e = (struct element){first & 0xffff, {b->p + 4, small}};
		b->p += TAG;
		b->n -= TAG;
		return small <= 4;
	}
	size_t size = word(b->p + 4), padded = (size + 7) & ~(size_t)7;
	if (size > b->n - TAG)
		return false;
	*e = (struct element){first, {b->p + TAG, size}};
	if (padded > b->n - TAG)
		padded = b->n - TAG;
	b->p += TAG + padded;
	b->n -= TAG + padded;
	return true;
}

static bool take_type(struct body *b, struct element *e, uint32_t type)
{
	return take(b, e) && e->type == type;
}

/* Returns the bytes per number of a storage type; 0: no such type. */
static size_t width(uint32_t type)
{
	static const uint8_t bytes[] = {
	    [1] = 1, 1, 2, 2, 4, 4, 4, [9] = 8, [12] = 8, 8, [16] = 1, 2, 4};
	return type < sizeof bytes ? bytes[type] : 0;
}

/* Returns the number of elements of the array; -1 if there are more than `most`. */
static int64_t count(const struct body *dims, size_t most)
{
	size_t n = 1;
	if (dims->n < 8 || dims->n % 4 || dims->n > 4 * DIMS_MAX)
		return -1;
	for (size_t i = 0; i < dims->n; i += 4) {
		size_t d = word(dims->p + i);
		if (d > most || (d && n > most / d))
			return -1;
		n *= d;
	}
	return (int64_t)n;
}

static bool walk(struct body b, int depth);

static bool walk_children(struct body *b, int64_t n, int depth)
{
	struct element e;
	for (int64_t i = 0; i < n; i++)
		if (!take_type(b, &e, MI_MATRIX) || !walk(e.body, depth + 1))
			return false;
	return true;
}

static bool walk_struct(struct body *b, const struct body *dims, int depth)
{
	struct element length, names;
	if (!take_type(b, &length, MI_INT32) || length.body.n != 4 ||
	    !take_type(b, &names, MI_INT8))
		return false;
	size_t each = word(length.body.p);
	if (!each || each > FIELD_NAME_MAX || !names.body.n || names.body.n % each ||
	    names.body.n / each > FIELDS_MAX)
		return false;
	for (size_t end = each; end <= names.body.n; end += each)
		if (!memchr(names.body.p + end - each, '\0', each))
			return false;
	int64_t n = count(dims, b->n / TAG);
	return n >= 0 && walk_children(b, n * (int64_t)(names.body.n / each), depth);
}

static bool walk_numbers(struct body *b, const struct body *dims)
{
	struct element e;
	if (!take(b, &e) || !width(e.type))
		return false;
	return count(dims, e.body.n / width(e.type)) >= 0;
}

/* Checks a matrix: flags, dimensions, name, contents. An empty one is only a tag. Fails for kinds
 * that are not needed. */
static bool walk(struct body b, int depth)
{
	struct element flags, dims, name;
	if (!b.n && depth)
		return true;
	if (depth > DEPTH_MAX || !take_type(&b, &flags, MI_UINT32) || flags.body.n != 8 ||
	    !take_type(&b, &dims, MI_INT32) || !take_type(&b, &name, MI_INT8) ||
	    name.body.n > FIELD_NAME_MAX)
		return false;
	uint32_t kind = word(flags.body.p) & 0xff;
	if (word(flags.body.p) & 0x800) /* complex */
		return false;
	if (kind == MX_CELL) {
		int64_t n = count(&dims.body, b.n / TAG);
		return n >= 0 && walk_children(&b, n, depth);
	}
	if (kind == MX_STRUCT)
		return walk_struct(&b, &dims.body, depth);
	return (kind == MX_CHAR || (kind >= MX_DOUBLE && kind <= MX_UINT64)) &&
	       walk_numbers(&b, &dims.body);
}

/* Appends the contents of a compressed element, whose size must match the tag in it. */
static bool unpack(struct blob *out, const struct body *packed)
{
	z_stream z = {.next_in = (uint8_t *)packed->p, .avail_in = (uInt)packed->n};
	if (inflateInit(&z) != Z_OK)
		return false;
	int got = Z_OK;
	while (got == Z_OK && out->size <= UNPACKED_MAX) {
		blob_reserve(out, out->size + (64 << 10));
		z.next_out = out->data + out->size;
		z.avail_out = (uInt)(out->cap - out->size);
		got = inflate(&z, Z_NO_FLUSH);
		out->size = (size_t)(z.next_out - out->data);
	}
	inflateEnd(&z);
	return got == Z_STREAM_END && out->size <= UNPACKED_MAX;
}

/* Appends the variable of a top-level element to `out` if it is of a kind that is read here. False:
 * it is damaged. */
static bool copy_variable(struct blob *out, const struct element *e)
{
	static const uint8_t zeros[8];
	size_t start = out->size;
	uint32_t tag[2] = {e->type, (uint32_t)e->body.n};
	if (e->type == MI_COMPRESSED) {
		if (!unpack(out, &e->body))
			return false;
	} else {
		blob_append(out, tag, sizeof tag);
		blob_append(out, e->body.p, e->body.n);
	}
	blob_append(out, zeros, -out->size & 7);
	struct body whole = {out->data + start, out->size - start};
	struct element inner;
	if (!take(&whole, &inner))
		return false;
	if (inner.type != MI_MATRIX || whole.n || !walk(inner.body, 0))
		out->size = start;
	return true;
}

int mat_unpack(const struct import_list *l, struct blob *out)
{
	struct body b = {(const uint8_t *)l->text, l->size};
	struct element e;
	blob_append(out, b.p, MAT_HEADER);
	b.p += MAT_HEADER;
	b.n -= MAT_HEADER;
	while (b.n) {
		/* a compressed element has no padding */
		size_t size = b.n >= TAG ? word(b.p + 4) : 0;
		bool packed = b.n >= TAG && word(b.p) == MI_COMPRESSED && size <= b.n - TAG;
		if (packed) {
			e = (struct element){MI_COMPRESSED, {b.p + TAG, size}};
			b.p += TAG + size;
			b.n -= TAG + size;
		}
		if ((!packed && !take(&b, &e)) || !copy_variable(out, &e) ||
		    out->size > UNPACKED_MAX)
			return list_fail(l, "is damaged or cut short");
	}
	return 0;
}
