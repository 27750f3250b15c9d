#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "formats/digest.h"
#include "formats/stream/dtype.h"
#include "formats/stream/meta.h"
#include "lib/base/err.h"

struct stream_writer {
	struct out *out;
	struct stream_place so_far;
	msgpack_sbuffer small; /* an object under construction, without its data */
	msgpack_packer pk;
};

static int put_bytes(struct stream_writer *w, const void *data, size_t n)
{
	w->so_far.size += n;
	w->so_far.crc = (uint32_t)crc32_z(w->so_far.crc, data, n);
	digest_add(&w->so_far.digest, data, n);
	return out_write(w->out, data, n);
}

static int put_small(struct stream_writer *w)
{
	int err = put_bytes(w, w->small.data, w->small.size);
	msgpack_sbuffer_clear(&w->small);
	return err;
}

static void text(struct stream_writer *w, const char *s)
{
	msgpack_pack_str(&w->pk, strlen(s));
	msgpack_pack_str_body(&w->pk, s, strlen(s));
}

/* msgpack-numpy's keys are bin, not str. */
static void key(struct stream_writer *w, const char *s)
{
	msgpack_pack_bin(&w->pk, strlen(s));
	msgpack_pack_bin_body(&w->pk, s, strlen(s));
}

struct stream_writer *stream_continue(struct out *out, const struct stream_place *at)
{
	if (at->version != STREAM_VERSION) {
		fail("cannot continue %s: its partial file has format version %d, and this program "
		     "writes version %d; remove it",
		    out_name(out), at->version, STREAM_VERSION);
		out_abandon(out);
		return NULL;
	}
	struct stream_writer *w = xcalloc(1, sizeof *w);
	w->out = out;
	w->so_far = *at;
	msgpack_sbuffer_init(&w->small);
	msgpack_packer_init(&w->pk, &w->small, msgpack_sbuffer_write);
	return w;
}

struct stream_writer *stream_create(struct out *out, const char *kind, json_t *meta)
{
	struct stream_place start = {.version = STREAM_VERSION};
	digest_begin(&start.digest);
	struct stream_writer *w = stream_continue(out, &start);
	json_t *header = json_pack("{s:s, s:i, s:s, s:o}", "format", "fd2-stream", "version",
	    STREAM_VERSION, "kind", kind, "meta", meta ? meta : json_object());
	meta_pack(&w->pk, header);
	json_decref(header);
	if (put_small(w) == 0)
		return w;
	fd2_stream_abandon(w);
	return NULL;
}

struct stream_writer *fd2_stream_create(const char *path, const char *kind, json_t *meta)
{
	struct out *out = out_open(path, 0);
	if (out)
		return stream_create(out, kind, meta);
	json_decref(meta);
	return NULL;
}

static void shape_of(struct stream_writer *w, int rank, const int64_t *shape)
{
	msgpack_pack_array(&w->pk, (size_t)rank);
	for (int i = 0; i < rank; i++)
		msgpack_pack_int64(&w->pk, shape[i]);
}

/* Writes one record; if the tensor is split, part `part` of `parts`, and whole is its shape. */
static int put_record(struct stream_writer *w, const char *name, enum dtype t, int rank,
    const int64_t *shape, const void *data, size_t size, int part, int parts, const int64_t *whole)
{
	msgpack_pack_map(&w->pk, parts > 1 ? 4 : 2);
	text(w, "name");
	text(w, name);
	if (parts > 1) {
		text(w, "part");
		msgpack_pack_array(&w->pk, 2);
		msgpack_pack_int(&w->pk, part);
		msgpack_pack_int(&w->pk, parts);
		text(w, "shape");
		shape_of(w, rank, whole);
	}
	text(w, "value");
	msgpack_pack_map(&w->pk, 5);
	key(w, "nd");
	msgpack_pack_true(&w->pk);
	key(w, "type");
	text(w, dtype_numpy(t));
	key(w, "kind");
	msgpack_pack_bin(&w->pk, 0);
	key(w, "shape");
	shape_of(w, rank, shape);
	key(w, "data");
	msgpack_pack_bin(&w->pk, size);
	return put_small(w) < 0 ? -1 : put_bytes(w, data, size);
}

/* Sets *row to the bytes of one index of the first dimension. -1: fail_message, a reader would
 * refuse the tensor. */
static int row_size(size_t *row, const char *name, enum dtype t, int rank, const int64_t *shape)
{
	*row = fd2_dtype_size(t);
	if (strlen(name) > NAME_MAX_BYTES)
		return fail(
		    "the tensor name '%.40s...' is longer than %d bytes", name, NAME_MAX_BYTES);
	if (rank > STREAM_RANK_MAX)
		return fail(
		    "tensor '%s' has %d dimensions, more than %d", name, rank, STREAM_RANK_MAX);
	for (int i = 0; i < rank; i++)
		if (shape[i] < 0)
			return fail("dimension %d of tensor '%s' is negative", i, name);
	for (int i = 1; i < rank; i++)
		if (__builtin_mul_overflow(*row, (size_t)shape[i], row))
			*row = SIZE_MAX;
	if (*row > STREAM_RECORD_MAX)
		return fail("tensor '%s' has rows of over 64 MiB", name);
	if (rank && *row && (size_t)shape[0] > ((size_t)1 << TENSOR_MAX_LOG) / *row)
		return fail("tensor '%s' has over 64 GiB", name);
	return 0;
}

int fd2_stream_put(struct stream_writer *w, const char *name, enum dtype t, int rank,
    const int64_t *shape, const void *data)
{
	size_t row, rows = rank ? (size_t)shape[0] : 1;
	if (row_size(&row, name, t, rank, shape) < 0)
		return -1;
	w->so_far.count++;
	if (row * rows <= STREAM_RECORD_MAX)
		return put_record(w, name, t, rank, shape, data, row * rows, 0, 1, shape);
	size_t step = STREAM_RECORD_MAX / row;
	int parts = (int)((rows + step - 1) / step);
	for (int i = 0; i < parts; i++) {
		int64_t part[STREAM_RANK_MAX];
		size_t first = (size_t)i * step, n = rows - first < step ? rows - first : step;
		memcpy(part, shape, (size_t)rank * sizeof *part);
		part[0] = (int64_t)n;
		if (put_record(w, name, t, rank, part, (const uint8_t *)data + first * row, n * row,
		        i, parts, shape) < 0)
			return -1;
	}
	return 0;
}

int fd2_stream_flush(struct stream_writer *w)
{
	return out_flush(w->out);
}

int stream_sync(struct stream_writer *w)
{
	return out_sync(w->out);
}

static void release(struct stream_writer *w)
{
	msgpack_sbuffer_destroy(&w->small);
	free(w);
}

int fd2_stream_finish(struct stream_writer *w)
{
	char hex[DIGEST_HEX];
	digest_hex(hex, &w->so_far.digest);
	json_t *end = json_pack("{s:b, s:I, s:I, s:s}", "end", 1, "count",
	    (json_int_t)w->so_far.count, "crc32", (json_int_t)w->so_far.crc, "digest", hex);
	meta_pack(&w->pk, end);
	json_decref(end);
	struct out *out = w->out;
	if (put_small(w) < 0) {
		fd2_stream_abandon(w);
		return -1;
	}
	release(w);
	return out_close(out);
}

void fd2_stream_abandon(struct stream_writer *w)
{
	out_abandon(w->out);
	release(w);
}
