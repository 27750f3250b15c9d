#include <stdlib.h>
#include <string.h>

#include "formats/stream/dtype.h"
#include "formats/stream/meta.h"
#include "formats/stream/objects.h"
#include "lib/base/err.h"

struct stream_reader {
	struct objects in;
	uint64_t count;
	bool ended;
	char *kind;
	json_t *meta;
	char digest[DIGEST_HEX];
};

static int broken(struct stream_reader *r)
{
	return fail("'%s' is a damaged tensor stream", objects_name(&r->in));
}

static const msgpack_object *member(const msgpack_object *map, const char *key)
{
	for (uint32_t i = 0; map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++)
		if (object_is_text(&map->via.map.ptr[i].key, key))
			return &map->via.map.ptr[i].val;
	return NULL;
}

static int take_header(struct stream_reader *r, const json_t *header, const char *expected)
{
	const char *kind = NULL, *name = objects_name(&r->in);
	json_t *meta = NULL;
	int version = 0;
	if (json_unpack((json_t *)header, "{s:i, s:s, s:o}", "version", &version, "kind", &kind,
	        "meta", &meta) ||
	    !json_is_object(meta))
		return broken(r);
	if (version < 1 || version > STREAM_VERSION)
		return fail("'%s' is a tensor stream of version %d; this program reads versions 1 "
		            "and 2",
		    name, version);
	if (expected && strcmp(kind, expected) != 0)
		return fail(
		    "'%s' is a tensor stream of kind %s, expected kind %s", name, kind, expected);
	r->in.version = version;
	r->kind = xstrdup(kind);
	r->meta = json_incref(meta);
	return 0;
}

static int refuse(struct stream_reader *r, const char *kind)
{
	char *expected = xasprintf(
	    "a tensor stream%s%s%s", kind ? " (kind " : "", kind ? kind : "", kind ? ")" : "");
	int err = input_refuse(r->in.input, expected);
	free(expected);
	return err;
}

static int read_header(struct stream_reader *r, const char *expected)
{
	int content = input_content(r->in.input);
	if (content < 0)
		return -1;
	if (content != CONTENT_STREAM)
		return refuse(r, expected);
	if (objects_next(&r->in, &header_bounds) < 0)
		return -1;
	json_t *header = meta_unpack(&r->in.object.data);
	int err = take_header(r, header, expected);
	json_decref(header);
	objects_accept(&r->in);
	return err;
}

static struct stream_reader *start(struct input *in, const char *kind)
{
	if (!in)
		return NULL;
	struct stream_reader *r = xcalloc(1, sizeof *r);
	objects_begin(&r->in, in);
	if (read_header(r, kind) == 0)
		return r;
	fd2_stream_close(r);
	return NULL;
}

struct stream_reader *fd2_stream_open(const char *path, const char *kind)
{
	return start(input_open(path), kind);
}

struct stream_reader *fd2_stream_open_memory(const void *data, size_t size, const char *kind)
{
	return start(input_open_memory(data, size), kind);
}

const char *fd2_stream_kind(const struct stream_reader *r)
{
	return r->kind;
}

json_t *fd2_stream_meta(const struct stream_reader *r)
{
	return r->meta;
}

/* Returns whether the meta has the path, of n bytes. */
static bool has(const json_t *meta, const char *path, size_t n)
{
	size_t first = strcspn(path, ".");
	char *key = xasprintf("%.*s", (int)(first < n ? first : n), path);
	const json_t *v = json_object_get(meta, key);
	free(key);
	return v && (first >= n || has(v, path + first + 1, n - first - 1));
}

int stream_require(const struct stream_reader *r, const char *keys)
{
	for (size_t n; *keys; keys += n + (keys[n] == ' ')) {
		n = strcspn(keys, " ");
		if (!has(r->meta, keys, n))
			return fail(
			    "the meta of '%s' lacks '%.*s', which a stream of kind %s needs",
			    objects_name(&r->in), (int)n, keys, r->kind);
	}
	return 0;
}

struct stream_place stream_tell(const struct stream_reader *r)
{
	return (struct stream_place){
	    r->in.accepted, r->count, r->in.crc, r->in.digest, r->in.version};
}

int stream_seek(struct stream_reader *r, uint64_t at)
{
	r->ended = false;
	return objects_seek(&r->in, at);
}

const char *fd2_stream_digest(const struct stream_reader *r)
{
	return r->digest;
}

void fd2_stream_close(struct stream_reader *r)
{
	objects_end(&r->in);
	json_decref(r->meta);
	free(r->kind);
	free(r);
}

enum { PARTS_MAX = 1 << 20 };

/* One record; it points into the buffer. */
struct record {
	const msgpack_object *name, *data;
	enum dtype dtype;
	int rank, part, parts;
	int64_t shape[STREAM_RANK_MAX], whole[STREAM_RANK_MAX];
};

static bool parse_type(const msgpack_object *o, enum dtype *t)
{
	for (int i = DT_F16; i <= DT_BOOL; i++)
		if (o && object_is_text(o, dtype_numpy((enum dtype)i))) {
			*t = (enum dtype)i;
			return true;
		}
	return false;
}

static bool is_number(const msgpack_object *o, uint64_t most)
{
	return o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= most;
}

/* Returns the bytes of the shape; -1: a bad dimension, or more than `most`. */
static int64_t parse_shape(
    const msgpack_object *o, size_t element, int64_t most, int *rank, int64_t *shape)
{
	int64_t size = (int64_t)element;
	bool zero = false;
	if (!o || o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size > STREAM_RANK_MAX)
		return -1;
	*rank = (int)o->via.array.size;
	for (int i = 0; i < *rank; i++) {
		if (!is_number(&o->via.array.ptr[i], (uint64_t)most))
			return -1;
		shape[i] = (int64_t)o->via.array.ptr[i].via.u64;
		zero |= !shape[i];
		if (shape[i] && size > most / shape[i])
			return -1;
		size *= shape[i] ? shape[i] : 1;
	}
	return zero ? 0 : size;
}

static bool parse_parts(const msgpack_object *o, struct record *rec)
{
	rec->part = 0;
	rec->parts = 1;
	if (!o)
		return true;
	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 2)
		return false;
	const msgpack_object *p = o->via.array.ptr;
	if (!is_number(&p[0], PARTS_MAX) || !is_number(&p[1], PARTS_MAX) ||
	    p[0].via.u64 >= p[1].via.u64)
		return false;
	rec->part = (int)p[0].via.u64;
	rec->parts = (int)p[1].via.u64;
	return true;
}

static bool parse_whole(const msgpack_object *shape, struct record *rec)
{
	int rank = rec->rank;
	memcpy(rec->whole, rec->shape, sizeof rec->whole);
	return rec->parts == 1 || (parse_shape(shape, fd2_dtype_size(rec->dtype),
	                               (int64_t)1 << TENSOR_MAX_LOG, &rank, rec->whole) > 0 &&
	                              rank == rec->rank && rank > 0);
}

/* Parses msgpack-numpy's map; a NumPy scalar has "nd" false and no shape. */
static int parse_value(
    const msgpack_object *v, struct record *rec, const char *name, const char *file)
{
	const msgpack_object *nd = member(v, "nd"), *kind = member(v, "kind"),
	                     *shape = member(v, "shape");
	if (!nd || nd->type != MSGPACK_OBJECT_BOOLEAN)
		return fail("tensor '%s' of '%s' is not an ndarray in msgpack-numpy's encoding",
		    name, file);
	if (kind && (object_is_text(kind, "O") || object_is_text(kind, "V")))
		return fail("tensor '%s' of '%s' holds Python objects or structures", name, file);
	if (!parse_type(member(v, "type"), &rec->dtype))
		return fail("tensor '%s' of '%s' has a type other than f16 f32 f64 i32 i64 u8 bool",
		    name, file);
	rec->data = member(v, "data");
	int64_t size = nd->via.boolean ? parse_shape(shape, fd2_dtype_size(rec->dtype),
	                                     STREAM_RECORD_MAX, &rec->rank, rec->shape)
	                               : (int64_t)fd2_dtype_size(rec->dtype);
	if (size < 0 || !rec->data || rec->data->type != MSGPACK_OBJECT_BIN ||
	    rec->data->via.bin.size != (uint64_t)size)
		return fail(
		    "tensor '%s' of '%s' has data of another size than its shape", name, file);
	return 0;
}

static int parse_record(struct stream_reader *r, struct record *rec)
{
	const msgpack_object *o = &r->in.object.data, *v = member(o, "value"),
	                     *text = member(o, "name");
	const char *file = objects_name(&r->in);
	char name[NAME_MAX_BYTES + 1];
	*rec = (struct record){.name = text};
	if (!v || !text || text->type != MSGPACK_OBJECT_STR ||
	    text->via.str.size > NAME_MAX_BYTES ||
	    memchr(text->via.str.ptr, '\0', text->via.str.size))
		return fail("'%s' holds an object that is not a tensor", file);
	memcpy(name, text->via.str.ptr, text->via.str.size);
	name[text->via.str.size] = '\0';
	if (parse_value(v, rec, name, file) < 0)
		return -1;
	if (!parse_parts(member(o, "part"), rec) || !parse_whole(member(o, "shape"), rec))
		return fail("tensor '%s' of '%s' has an invalid part or shape", name, file);
	return 0;
}

/* Checks that the end record has one or both checksums of what was read, and no unknown entry: that
 * could be a checksum with a damaged name. */
static int check_sums(const struct stream_reader *r)
{
	const msgpack_object *end = &r->in.object.data, *crc = member(end, "crc32"),
	                     *digest = member(end, "digest");
	const char *file = objects_name(&r->in);
	if (!crc && !digest)
		return fail("the end record of '%s' has neither crc32 nor digest", file);
	if (end->via.map.size != 2u + !!crc + !!digest)
		return fail("the end record of '%s' has an unknown entry", file);
	if ((crc && !(is_number(crc, UINT32_MAX) && crc->via.u64 == r->in.crc)) ||
	    (digest && !object_is_text(digest, r->digest)))
		return fail("'%s' is damaged: its checksum is wrong", file);
	return 0;
}

static int take_end(struct stream_reader *r, const msgpack_object *end)
{
	const msgpack_object *count = member(&r->in.object.data, "count");
	const char *file = objects_name(&r->in);
	if (end->type != MSGPACK_OBJECT_BOOLEAN || !end->via.boolean ||
	    !is_number(count, INT64_MAX))
		return broken(r);
	if (count->via.u64 != r->count)
		return fail("'%s' holds %llu tensors where its end says %llu", file,
		    (unsigned long long)r->count, (unsigned long long)count->via.u64);
	if (r->in.version == 1)
		digest_v1_hex(r->digest, r->in.digest_v1);
	else
		digest_hex(r->digest, &r->in.digest);
	if (check_sums(r) < 0)
		return -1;
	objects_skip(&r->in);
	r->ended = true;
	return objects_at_end(&r->in);
}

static int next_record(struct stream_reader *r, struct record *rec)
{
	if (objects_next(&r->in, &record_bounds) < 0)
		return -1;
	const msgpack_object *end = member(&r->in.object.data, "end");
	if (end)
		return take_end(r, end);
	return parse_record(r, rec) < 0 ? -1 : 1;
}

/* Appends a part; memory grows with the data, not with the claimed size. */
static int append(struct stream_reader *r, struct array *a, const struct record *rec, int64_t *rows)
{
	bool fits = rec->dtype == a->dtype && rec->rank == a->rank &&
	            !memcmp(rec->whole, a->shape, sizeof a->shape) &&
	            rec->shape[0] <= a->shape[0] - *rows;
	for (int i = 1; i < rec->rank; i++)
		fits &= rec->shape[i] == a->shape[i];
	if (!fits)
		return fail("the parts of tensor '%s' of '%s' have different types or shapes",
		    a->name, objects_name(&r->in));
	size_t n = rec->data->via.bin.size;
	a->data = xrealloc(a->data, a->size + n + 1, 1);
	memcpy((uint8_t *)a->data + a->size, rec->data->via.bin.ptr, n);
	a->size += n;
	*rows += rec->shape[0];
	return 0;
}

static int join(struct stream_reader *r, struct array *a, struct record *rec)
{
	int parts = rec->parts, got = 1;
	int64_t rows = 0;
	for (int i = 0; i < parts; i++) {
		if (i && (got = next_record(r, rec)) < 0)
			return -1;
		if (!got || rec->part != i || rec->parts != parts ||
		    !object_is_text(rec->name, a->name))
			return fail(
			    "'%s' has no part %d of tensor '%s'", objects_name(&r->in), i, a->name);
		if (append(r, a, rec, &rows) < 0)
			return -1;
		objects_accept(&r->in);
	}
	return rows == a->shape[0]
	           ? 0
	           : fail("the parts of tensor '%s' of '%s' have fewer rows than the tensor",
	                 a->name, objects_name(&r->in));
}

static void take_whole(struct stream_reader *r, struct array *a, const struct record *rec)
{
	a->size = rec->data->via.bin.size;
	a->data = xmalloc(a->size);
	memcpy(a->data, rec->data->via.bin.ptr, a->size);
	objects_accept(&r->in);
}

int fd2_stream_next(struct stream_reader *r, struct array *a)
{
	struct record rec;
	*a = (struct array){0};
	if (r->ended)
		return 0;
	int got = next_record(r, &rec);
	if (got <= 0)
		return got;
	*a = (struct array){.dtype = rec.dtype, .rank = rec.rank};
	a->name = xasprintf("%.*s", (int)rec.name->via.str.size, rec.name->via.str.ptr);
	memcpy(a->shape, rec.whole, sizeof a->shape);
	if (rec.parts == 1) {
		take_whole(r, a, &rec);
	} else if (join(r, a, &rec) < 0) {
		fd2_array_free(a);
		return -1;
	}
	r->count++;
	return 1;
}
