#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/meta.h"
#include "formats/stream.h"
#include "lib/base/err.h"

enum {
	DEPTH_MAX = 32,
	NODES_MAX = 1 << 20,              /* of one object */
	OBJECT_MAX = STREAM_RECORD_MAX + (1 << 20),
	READ_AHEAD = 1 << 20,
};

struct stream_reader {
	char *name;
	int fd; /* -1: memory */
	const uint8_t *memory;
	size_t memory_left;
	uint8_t *buffer; /* bytes pos..len are read and not yet parsed */
	size_t pos, len, cap;
	bool eof, ended;
	uint32_t crc, crc_two; /* over the objects so far; crc_two starts elsewhere, for the digest */
	uint64_t count;
	char *kind;
	json_t *meta;
	msgpack_unpacked object;
	char digest[17];
};

/* --- bytes -------------------------------------------------------------------------------------------------------------------- */

static ssize_t read_some(struct stream_reader *r, void *to, size_t n)
{
	if (r->fd < 0) {
		n = n < r->memory_left ? n : r->memory_left;
		memcpy(to, r->memory, n);
		r->memory += n;
		r->memory_left -= n;
		return (ssize_t)n;
	}
	ssize_t got;
	do
		got = read(r->fd, to, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Makes bytes pos .. pos+n-1 available; the buffer grows only as data arrive. 1, 0 at an early end, -1 on a read error. */
static int need(struct stream_reader *r, size_t n)
{
	while (r->len - r->pos < n && !r->eof) {
		if (r->pos) {
			memmove(r->buffer, r->buffer + r->pos, r->len - r->pos);
			r->len -= r->pos;
			r->pos = 0;
		}
		if (r->cap - r->len < READ_AHEAD) {
			r->cap = r->cap ? 2 * r->cap : 2 * READ_AHEAD;
			r->buffer = xrealloc(r->buffer, r->cap, 1);
		}
		ssize_t got = read_some(r, r->buffer + r->len, r->cap - r->len);
		if (got < 0)
			return fail("cannot read '%s': %s", r->name, strerror(errno));
		r->eof = !got;
		r->len += (size_t)got;
	}
	return r->len - r->pos >= n;
}

/* --- one object: walked before it is unpacked, since msgpack-c allocates what a length claims ------------------------------------ */

struct walk {
	struct stream_reader *r;
	size_t at; /* offset from pos */
	int nodes;
};

static int cut(struct stream_reader *r)
{
	return fail("'%s' is cut short", r->name);
}

static int broken(struct stream_reader *r)
{
	return fail("'%s' is not a tensor stream, or a damaged one", r->name);
}

/* The big-endian integer of n bytes at the walk. */
static int length(struct walk *w, int n, uint64_t *v)
{
	int ok = need(w->r, w->at + (size_t)n);
	if (ok <= 0)
		return ok < 0 ? -1 : cut(w->r);
	*v = 0;
	for (int i = 0; i < n; i++)
		*v = *v << 8 | w->r->buffer[w->r->pos + w->at++];
	return 0;
}

static int skip(struct walk *w, uint64_t n)
{
	if (n > OBJECT_MAX || w->at + n > OBJECT_MAX)
		return fail("'%s' holds a record over 64 MiB", w->r->name);
	int ok = need(w->r, w->at + n);
	if (ok <= 0)
		return ok < 0 ? -1 : cut(w->r);
	w->at += n;
	return 0;
}

static int walk_object(struct walk *w, int depth);

static int walk_many(struct walk *w, uint64_t n, int depth)
{
	if (depth >= DEPTH_MAX || n > NODES_MAX)
		return broken(w->r);
	for (uint64_t i = 0; i < n; i++)
		if (walk_object(w, depth + 1) < 0)
			return -1;
	return 0;
}

static int walk_sized(struct walk *w, int bytes)
{
	uint64_t n;
	return length(w, bytes, &n) < 0 ? -1 : skip(w, n);
}

static int walk_container(struct walk *w, int bytes, int factor, int depth)
{
	uint64_t n;
	return length(w, bytes, &n) < 0 ? -1 : walk_many(w, factor * n, depth);
}

/* msgpack's format table. */
static int walk_object(struct walk *w, int depth)
{
	uint64_t b;
	if (++w->nodes > NODES_MAX)
		return broken(w->r);
	if (length(w, 1, &b) < 0)
		return -1;
	if (b <= 0x7f || b >= 0xe0 || b == 0xc0 || b == 0xc2 || b == 0xc3)
		return 0;
	if (b <= 0x8f)
		return walk_many(w, 2 * (b & 15), depth);
	if (b <= 0x9f)
		return walk_many(w, b & 15, depth);
	if (b <= 0xbf)
		return skip(w, b & 31);
	switch (b) {
	case 0xc4:
	case 0xd9:
		return walk_sized(w, 1);
	case 0xc5:
	case 0xda:
		return walk_sized(w, 2);
	case 0xc6:
	case 0xdb:
		return walk_sized(w, 4);
	case 0xcc:
	case 0xd0:
		return skip(w, 1);
	case 0xcd:
	case 0xd1:
		return skip(w, 2);
	case 0xca:
	case 0xce:
	case 0xd2:
		return skip(w, 4);
	case 0xcb:
	case 0xcf:
	case 0xd3:
		return skip(w, 8);
	case 0xdc:
		return walk_container(w, 2, 1, depth);
	case 0xdd:
		return walk_container(w, 4, 1, depth);
	case 0xde:
		return walk_container(w, 2, 2, depth);
	case 0xdf:
		return walk_container(w, 4, 2, depth);
	default:
		return broken(w->r);
	}
}

static void digest(struct stream_reader *r, size_t n)
{
	r->crc = (uint32_t)crc32_z(r->crc, r->buffer + r->pos, n);
	r->crc_two = (uint32_t)crc32_z(r->crc_two, r->buffer + r->pos, n);
}

/* The next object into r->object; its bins and strings point into the buffer until the next call. *size: its bytes. */
static int next_object(struct stream_reader *r, size_t *size)
{
	struct walk w = {.r = r};
	if (walk_object(&w, 0) < 0)
		return -1;
	size_t off = 0;
	msgpack_unpacked_destroy(&r->object);
	msgpack_unpacked_init(&r->object);
	if (msgpack_unpack_next(&r->object, (const char *)r->buffer + r->pos, w.at, &off) != MSGPACK_UNPACK_SUCCESS || off != w.at)
		return broken(r);
	*size = w.at;
	return 0;
}

static const msgpack_object *member(const msgpack_object *map, const char *key)
{
	for (uint32_t i = 0; map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
		const msgpack_object *k = &map->via.map.ptr[i].key;
		bool text = k->type == MSGPACK_OBJECT_STR || k->type == MSGPACK_OBJECT_BIN;
		if (text && k->via.str.size == strlen(key) && !memcmp(k->via.str.ptr, key, strlen(key)))
			return &map->via.map.ptr[i].val;
	}
	return NULL;
}

/* --- header --------------------------------------------------------------------------------------------------------------------- */

static int not_a_stream(struct stream_reader *r, const char *wanted)
{
	const uint8_t *b = r->buffer + r->pos;
	size_t n = r->len - r->pos;
	const char *what = "not a tensor stream";
	if (n > 262 && !memcmp(b + 257, "ustar", 5))
		what = "an image shard";
	else if (n > 2 && b[0] == 0xff && b[1] == 0xd8)
		what = "a JPEG image";
	else if (n > 2 && b[0] == 0x1f && b[1] == 0x8b)
		what = "compressed";
	return fail("'%s' is %s; a %s stream is wanted here", r->name, what, wanted ? wanted : "tensor");
}

static int read_header(struct stream_reader *r, const char *wanted)
{
	static const char start[] = "\xa6" "format" "\xaa" "fd2-stream";
	size_t size;
	int any = need(r, 1);
	if (any <= 0)
		return any < 0 ? -1 : fail("'%s' is empty; a %s stream is wanted here", r->name, wanted ? wanted : "tensor");
	need(r, 300);
	uint8_t first = r->buffer[r->pos];
	if ((first & 0xf0) != 0x80 || r->len - r->pos < sizeof start || memcmp(r->buffer + r->pos + 1, start, sizeof start - 1))
		return not_a_stream(r, wanted);
	if (next_object(r, &size) < 0)
		return -1;
	json_t *header = meta_unpack(&r->object.data);
	int version = 0;
	const char *kind = NULL;
	json_t *meta = NULL;
	int bad = json_unpack(header, "{s:i, s:s, s:o}", "version", &version, "kind", &kind, "meta", &meta);
	int ok = 0;
	if (bad || !json_is_object(meta))
		ok = broken(r);
	else if (version != 1)
		ok = fail("'%s' is of version %d; this program reads version 1", r->name, version);
	else if (wanted && strcmp(kind, wanted))
		ok = fail("'%s' holds %s; a %s stream is wanted here", r->name, kind, wanted);
	if (!ok) {
		r->kind = xstrdup(kind);
		r->meta = json_incref(meta);
		digest(r, size);
		r->pos += size;
	}
	json_decref(header);
	return ok;
}

static struct stream_reader *start(struct stream_reader *r, const char *kind)
{
	msgpack_unpacked_init(&r->object);
	r->crc_two = 0x5bd1e995; /* any other start */
	if (read_header(r, kind) == 0)
		return r;
	stream_close(r);
	return NULL;
}

struct stream_reader *stream_open(const char *path, const char *kind)
{
	bool standard = !path || !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_null("cannot open '%s': %s", path, strerror(errno));
	struct stream_reader *r = xcalloc(1, sizeof *r);
	r->fd = fd;
	r->name = xstrdup(standard ? "standard input" : path);
	return start(r, kind);
}

struct stream_reader *stream_open_memory(const void *data, size_t size, const char *kind)
{
	struct stream_reader *r = xcalloc(1, sizeof *r);
	r->fd = -1;
	r->memory = data;
	r->memory_left = size;
	r->name = xstrdup("memory");
	return start(r, kind);
}

const char *stream_kind(const struct stream_reader *r)
{
	return r->kind;
}

json_t *stream_meta(const struct stream_reader *r)
{
	return r->meta;
}

const char *stream_digest(const struct stream_reader *r)
{
	return r->digest;
}

void stream_close(struct stream_reader *r)
{
	msgpack_unpacked_destroy(&r->object);
	if (r->fd > STDIN_FILENO)
		close(r->fd);
	json_decref(r->meta);
	free(r->kind);
	free(r->name);
	free(r->buffer);
	free(r);
}

/* --- tensors -------------------------------------------------------------------------------------------------------------------- */

/* One record as it lies in the buffer. */
struct record {
	const msgpack_object *name, *data;
	enum dtype dtype;
	int rank, part, parts;
	int64_t shape[STREAM_RANK_MAX], whole[STREAM_RANK_MAX];
};

static bool same_text(const msgpack_object *o, const char *s)
{
	return o && (o->type == MSGPACK_OBJECT_STR || o->type == MSGPACK_OBJECT_BIN) && o->via.str.size == strlen(s) && !memcmp(o->via.str.ptr, s, strlen(s));
}

static bool parse_type(const msgpack_object *o, enum dtype *t)
{
	static const char *const names[] = {[DT_F16] = "<f2", [DT_F32] = "<f4", [DT_F64] = "<f8", [DT_I32] = "<i4", [DT_I64] = "<i8",
	    [DT_U8] = "|u1", [DT_BOOL] = "|b1"};
	for (int i = DT_F16; i <= DT_BOOL; i++)
		if (same_text(o, names[i])) {
			*t = (enum dtype)i;
			return true;
		}
	return false;
}

/* Bytes of the shape, or -1: a bad dimension, or more than `most`. */
static int64_t parse_shape(const msgpack_object *o, size_t element, int64_t most, int *rank, int64_t *shape)
{
	int64_t size = (int64_t)element;
	bool zero = false;
	if (!o || o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size > STREAM_RANK_MAX)
		return -1;
	*rank = (int)o->via.array.size;
	for (int i = 0; i < *rank; i++) {
		const msgpack_object *d = &o->via.array.ptr[i];
		if (d->type != MSGPACK_OBJECT_POSITIVE_INTEGER || d->via.u64 > (uint64_t)most)
			return -1;
		shape[i] = (int64_t)d->via.u64;
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
	if (p[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || p[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER || p[1].via.u64 > 1 << 20 || p[0].via.u64 >= p[1].via.u64)
		return false;
	rec->part = (int)p[0].via.u64;
	rec->parts = (int)p[1].via.u64;
	return true;
}

enum { TENSOR_MAX_LOG = 36 }; /* 64 GiB: the largest tensor we take */

static int parse_record(struct stream_reader *r, struct record *rec)
{
	const msgpack_object *o = &r->object.data, *v = member(o, "value"), *nd = v ? member(v, "nd") : NULL;
	rec->name = member(o, "name");
	if (!v || !rec->name || rec->name->type != MSGPACK_OBJECT_STR || rec->name->via.str.size > 1024)
		return fail("'%s' holds an object that is no tensor", r->name);
	int show = (int)rec->name->via.str.size;
	const char *name = rec->name->via.str.ptr;
	if (!nd || nd->type != MSGPACK_OBJECT_BOOLEAN || !nd->via.boolean)
		return fail("tensor '%.*s' of '%s' is no ndarray", show, name, r->name);
	if (!parse_type(member(v, "type"), &rec->dtype))
		return fail("tensor '%.*s' of '%s' has a type other than f16 f32 f64 i32 i64 u8 bool", show, name, r->name);
	rec->data = member(v, "data");
	int64_t size = parse_shape(member(v, "shape"), dtype_size(rec->dtype), STREAM_RECORD_MAX, &rec->rank, rec->shape);
	if (size < 0 || !rec->data || rec->data->type != MSGPACK_OBJECT_BIN || rec->data->via.bin.size != (uint64_t)size)
		return fail("tensor '%.*s' of '%s' has data that do not fit its shape", show, name, r->name);
	int whole_rank = rec->rank;
	if (!parse_parts(member(o, "part"), rec) || (rec->parts > 1 && (parse_shape(member(o, "shape"), dtype_size(rec->dtype), (int64_t)1 << TENSOR_MAX_LOG,
									    &whole_rank, rec->whole) <= 0 || whole_rank != rec->rank)))
		return fail("tensor '%.*s' of '%s' is split in a way that cannot be", show, name, r->name);
	return 0;
}

static int take_end(struct stream_reader *r, const msgpack_object *end, size_t size)
{
	const msgpack_object *count = member(&r->object.data, "count"), *crc = member(&r->object.data, "crc32");
	if (end->type != MSGPACK_OBJECT_BOOLEAN || !count || count->type != MSGPACK_OBJECT_POSITIVE_INTEGER || !crc ||
	    crc->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return broken(r);
	if (count->via.u64 != r->count)
		return fail("'%s' holds %llu tensors where its end says %llu", r->name, (unsigned long long)r->count, (unsigned long long)count->via.u64);
	if (crc->via.u64 != r->crc)
		return fail("'%s' is damaged: its checksum is wrong", r->name);
	r->pos += size;
	int more = need(r, 1);
	if (more)
		return more < 0 ? -1 : fail("'%s' has bytes after its end", r->name);
	snprintf(r->digest, sizeof r->digest, "%08x%08x", r->crc, r->crc_two);
	r->ended = true;
	return 0;
}

static int64_t row_bytes(const struct record *rec, const int64_t *shape)
{
	int64_t n = (int64_t)dtype_size(rec->dtype);
	for (int i = 1; i < rec->rank; i++)
		n *= shape[i];
	return n;
}

/* Puts part rec->part behind the rows that are there; memory grows with the data, not with the claim. */
static int append(struct stream_reader *r, struct array *a, const struct record *rec, int64_t *rows)
{
	bool fits = rec->dtype == a->dtype && rec->rank == a->rank && row_bytes(rec, rec->shape) == row_bytes(rec, rec->whole) &&
		    *rows + rec->shape[0] <= rec->whole[0];
	for (int i = 1; i < rec->rank; i++)
		fits &= rec->shape[i] == rec->whole[i];
	if (!fits || rec->rank < 1)
		return fail("the parts of tensor '%s' of '%s' do not fit together", a->name, r->name);
	size_t n = rec->data->via.bin.size;
	a->data = xrealloc(a->data, a->size + n + 1, 1);
	memcpy((uint8_t *)a->data + a->size, rec->data->via.bin.ptr, n);
	a->size += n;
	*rows += rec->shape[0];
	return 0;
}

static int next_record(struct stream_reader *r, struct record *rec, size_t *size)
{
	if (next_object(r, size) < 0)
		return -1;
	const msgpack_object *end = member(&r->object.data, "end");
	if (end)
		return take_end(r, end, *size);
	return parse_record(r, rec) < 0 ? -1 : 1;
}

static void consume(struct stream_reader *r, size_t size)
{
	digest(r, size);
	r->pos += size;
}

static int join(struct stream_reader *r, struct array *a, struct record *rec, int64_t *rows)
{
	int parts = rec->parts;
	for (int i = 1; i < parts; i++) {
		size_t size;
		int got = next_record(r, rec, &size);
		if (got < 0)
			return -1;
		if (!got || rec->part != i || rec->parts != parts || !same_text(rec->name, a->name) || rec->whole[0] != a->shape[0])
			return fail("'%s' lacks part %d of tensor '%s'", r->name, i, a->name);
		if (append(r, a, rec, rows) < 0)
			return -1;
		consume(r, size);
	}
	bool whole = *rows == a->shape[0] && (int64_t)a->size == *rows * row_bytes(rec, a->shape);
	return whole ? 0 : fail("tensor '%s' of '%s' lacks rows", a->name, r->name);
}

int stream_next(struct stream_reader *r, struct array *a)
{
	struct record rec;
	size_t size;
	*a = (struct array){0};
	if (r->ended)
		return 0;
	int got = next_record(r, &rec, &size);
	if (got <= 0)
		return got;
	if (rec.part)
		return fail("'%s' begins a tensor with part %d", r->name, rec.part);
	a->name = xasprintf("%.*s", (int)rec.name->via.str.size, rec.name->via.str.ptr);
	a->dtype = rec.dtype;
	a->rank = rec.rank;
	memcpy(a->shape, rec.parts > 1 ? rec.whole : rec.shape, sizeof a->shape);
	if (rec.parts == 1)
		memcpy(rec.whole, rec.shape, sizeof rec.whole);
	a->size = rec.data->via.bin.size;
	a->data = xmalloc(a->size + 1);
	memcpy(a->data, rec.data->via.bin.ptr, a->size);
	int64_t rows = rec.rank ? rec.shape[0] : 0;
	consume(r, size);
	if (rec.parts > 1 && join(r, a, &rec, &rows) < 0) {
		array_free(a);
		return -1;
	}
	r->count++;
	return 1;
}
