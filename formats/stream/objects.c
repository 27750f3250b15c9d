#include "formats/stream/objects.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "formats/stream/stream.h"
#include "lib/base/err.h"

enum { READ_AHEAD = 1 << 20, SLACK = 64 << 10, COUNT_MAX = 1 << 30 };

const struct bounds header_bounds = {.depth = 32,
    .nodes = 1 << 20,
    .map = 1 << 20,
    .array = 1 << 20,
    .blob = 16 << 20,
    .size = 16 << 20};
const struct bounds record_bounds = {.depth = 6,
    .nodes = 1 << 17,
    .map = 256,
    .array = 65536,
    .blob = STREAM_RECORD_MAX,
    .size = STREAM_RECORD_MAX + SLACK};

void objects_begin(struct objects *in, struct input *input)
{
	*in = (struct objects){.input = input};
	msgpack_unpacked_init(&in->object);
	digest_begin(&in->digest);
}

void objects_end(struct objects *in)
{
	msgpack_unpacked_destroy(&in->object);
	input_close(in->input);
	free(in->buffer);
}

const char *objects_name(const struct objects *in)
{
	return input_name(in->input);
}

static void grow_buffer(struct objects *in)
{
	if (in->pos) {
		memmove(in->buffer, in->buffer + in->pos, in->len - in->pos);
		in->len -= in->pos;
		in->pos = 0;
	}
	if (in->cap - in->len < READ_AHEAD) {
		in->cap = in->cap ? 2 * in->cap : 2 * READ_AHEAD;
		in->buffer = xrealloc(in->buffer, in->cap, 1);
	}
}

/* Makes bytes pos .. pos+n-1 available; the buffer grows only as data arrive. -1: fail_message, the
 * input ends early. */
static int need(struct objects *in, size_t n)
{
	while (in->len - in->pos < n && !in->eof) {
		grow_buffer(in);
		ssize_t got = input_read(in->input, in->buffer + in->len, in->cap - in->len);
		if (got < 0)
			return -1;
		in->eof = !got;
		in->len += (size_t)got;
	}
	return in->len - in->pos >= n
	           ? 0
	           : fail("'%s' is cut short: its end record is missing", objects_name(in));
}

void objects_skip(struct objects *in)
{
	in->pos += in->size;
	in->size = 0;
}

void objects_accept(struct objects *in)
{
	const uint8_t *object = in->buffer + in->pos;
	in->accepted += in->size;
	in->crc = (uint32_t)crc32_z(in->crc, object, in->size);
	if (in->version == 1)
		in->digest_v1 = digest_v1_add(in->digest_v1, object, in->size);
	else
		digest_add(&in->digest, object, in->size);
	objects_skip(in);
}

int objects_seek(struct objects *in, uint64_t at)
{
	in->pos = in->len = in->size = 0;
	in->eof = false;
	return input_seek(in->input, at);
}

int objects_at_end(struct objects *in)
{
	unsigned long long more = in->len - in->pos;
	in->pos = in->len;
	while (!in->eof && more < COUNT_MAX) {
		grow_buffer(in);
		ssize_t got = input_read(in->input, in->buffer, in->cap);
		if (got < 0)
			return -1;
		in->eof = !got;
		more += (unsigned long long)got;
	}
	return more ? fail("'%s' has %s%llu bytes after its end", objects_name(in),
	                  in->eof ? "" : "over ", more)
	            : 0;
}

struct walk {
	struct objects *in;
	const struct bounds *b;
	size_t at; /* offset from pos */
	int nodes;
};

static int broken(const struct walk *w)
{
	return fail("'%s' is a damaged tensor stream", objects_name(w->in));
}

static int skip(struct walk *w, uint64_t n)
{
	if (n > w->b->blob || w->at + n > w->b->size)
		return fail("'%s' is a damaged tensor stream, or holds a record over 64 MiB",
		    objects_name(w->in));
	if (need(w->in, w->at + n) < 0)
		return -1;
	w->at += n;
	return 0;
}

/* Reads a big-endian number of `bytes` bytes. */
static int number(struct walk *w, int bytes, uint64_t *v)
{
	size_t at = w->at;
	if (skip(w, (uint64_t)bytes) < 0)
		return -1;
	for (*v = 0; at < w->at; at++)
		*v = *v << 8 | w->in->buffer[w->in->pos + at];
	return 0;
}

static int walk_object(struct walk *w, int depth);

static int walk_many(struct walk *w, uint64_t n, int depth)
{
	if (depth >= w->b->depth)
		return broken(w);
	for (uint64_t i = 0; i < n; i++)
		if (walk_object(w, depth + 1) < 0)
			return -1;
	return 0;
}

static int walk_array(struct walk *w, uint64_t n, int depth)
{
	return n > w->b->array ? broken(w) : walk_many(w, n, depth);
}

static int walk_map(struct walk *w, uint64_t n, int depth)
{
	return n > w->b->map ? broken(w) : walk_many(w, 2 * n, depth);
}

/* Walks an object that begins with a byte from 0xc0 to 0xdf, by msgpack's table of formats. */
static int walk_sized(struct walk *w, int first, int depth)
{
	enum { NIL, FIXED, BLOB, ARRAY, MAP, BAD };
	/* n: bytes of the value, or of its length. */
	static const struct {
		uint8_t what, n;
	} formats[32] = {{NIL, 0}, {BAD, 0}, {NIL, 0}, {NIL, 0}, {BLOB, 1}, {BLOB, 2}, {BLOB, 4},
	    {BAD, 0}, {BAD, 0}, {BAD, 0}, {FIXED, 4}, {FIXED, 8}, {FIXED, 1}, {FIXED, 2},
	    {FIXED, 4}, {FIXED, 8}, {FIXED, 1}, {FIXED, 2}, {FIXED, 4}, {FIXED, 8}, {BAD, 0},
	    {BAD, 0}, {BAD, 0}, {BAD, 0}, {BAD, 0}, {BLOB, 1}, {BLOB, 2}, {BLOB, 4}, {ARRAY, 2},
	    {ARRAY, 4}, {MAP, 2}, {MAP, 4}};
	int what = formats[first - 0xc0].what, n = formats[first - 0xc0].n;
	uint64_t v = 0;
	if (what == BAD)
		return broken(w);
	if (what == FIXED || what == NIL)
		return skip(w, (uint64_t)n);
	if (number(w, n, &v) < 0)
		return -1;
	return what == BLOB    ? skip(w, v)
	       : what == ARRAY ? walk_array(w, v, depth)
	                       : walk_map(w, v, depth);
}

static int walk_object(struct walk *w, int depth)
{
	uint64_t first;
	if (++w->nodes > w->b->nodes)
		return broken(w);
	if (number(w, 1, &first) < 0)
		return -1;
	if (first < 0x80 || first >= 0xe0)
		return 0;
	if (first < 0x90)
		return walk_map(w, first & 15, depth);
	if (first < 0xa0)
		return walk_array(w, first & 15, depth);
	return first < 0xc0 ? skip(w, first & 31) : walk_sized(w, (int)first, depth);
}

int objects_next(struct objects *in, const struct bounds *b)
{
	struct walk w = {.in = in, .b = b};
	size_t off = 0;
	if (walk_object(&w, 0) < 0)
		return -1;
	msgpack_unpacked_destroy(&in->object);
	msgpack_unpacked_init(&in->object);
	if (msgpack_unpack_next(&in->object, (const char *)in->buffer + in->pos, w.at, &off) !=
	        MSGPACK_UNPACK_SUCCESS ||
	    off != w.at)
		return broken(&w);
	in->size = w.at;
	return 0;
}

bool object_is_text(const msgpack_object *o, const char *s)
{
	size_t n = strlen(s);
	if (o->type == MSGPACK_OBJECT_STR)
		return o->via.str.size == n && !memcmp(o->via.str.ptr, s, n);
	return o->type == MSGPACK_OBJECT_BIN && o->via.bin.size == n &&
	       !memcmp(o->via.bin.ptr, s, n);
}
