/* Tensor streams: named arrays as msgpack objects (fd2-stream(5), stream.md).
 *
 *     {"format": "fd2-stream", "version": 2, "kind": KIND, "meta": {...}}        the header
 *     {"name": NAME, "value": ndarray}                                           per tensor
 *     {"name": NAME, "value": ndarray, "part": [i, n], "shape": [...]}           over 64 MiB
 *     {"end": true, "count": tensors, "crc32": ..., "digest": ...}               of all before
 *
 * To read: fd2_stream_open, fd2_stream_next until it returns 0, fd2_stream_close. To write:
 * fd2_stream_create, fd2_stream_put for each tensor, fd2_stream_finish. A function that returns a
 * pointer returns NULL when it fails, others -1; fd2_error says why. Every length is checked before
 * memory is allocated for it. */
#ifndef FD2_STREAM_H
#define FD2_STREAM_H
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum dtype { DT_F16, DT_F32, DT_F64, DT_I32, DT_I64, DT_U8, DT_BOOL };
size_t fd2_dtype_size(enum dtype t);      /* bytes of an element */
const char *fd2_dtype_name(enum dtype t); /* "f16" ... */

enum { STREAM_RANK_MAX = 8, STREAM_RECORD_MAX = 64 << 20 };

/* A dense array, C order, little endian. */
struct array {
	char *name;
	enum dtype dtype;
	int rank;
	int64_t shape[STREAM_RANK_MAX];
	size_t size; /* bytes */
	void *data;
};
int64_t fd2_array_count(const struct array *a);        /* elements */
double fd2_array_at(const struct array *a, int64_t i); /* element i */
void fd2_array_free(struct array *a);

struct stream_reader;
/* Opens a stream and reads its header. path NULL or "-" is standard input. A stream of another kind
 * than `kind` is an error, unless that is NULL. The error names a shard, text or empty input as
 * such. */
struct stream_reader *fd2_stream_open(const char *path, const char *kind);
/* Like fd2_stream_open, from borrowed memory. */
struct stream_reader *fd2_stream_open_memory(const void *data, size_t size, const char *kind);
const char *fd2_stream_kind(const struct stream_reader *r);
json_t *fd2_stream_meta(const struct stream_reader *r); /* owned by the reader */
/* Reads the next tensor. 1: *a is a whole one, split ones joined (free it with fd2_array_free); 0:
 * the end record was there, and count, digest and end of file are right; -1. */
int fd2_stream_next(struct stream_reader *r, struct array *a);
/* Returns the SHA-256 of all bytes before the end record, 64 hex digits; 16 of a stream of version
 * 1. Known once fd2_stream_next returned 0. */
const char *fd2_stream_digest(const struct stream_reader *r);
void fd2_stream_close(struct stream_reader *r);

struct stream_writer;
/* Begins a stream. path: a file, which appears under its name when it is finished, or "-" for
 * standard output. meta: an object, or NULL; the writer takes the reference. */
struct stream_writer *fd2_stream_create(const char *path, const char *kind, json_t *meta);
/* Adds a tensor. data: C order, little endian. A tensor over 64 MiB is split. */
int fd2_stream_put(struct stream_writer *w, const char *name, enum dtype t, int rank,
    const int64_t *shape, const void *data);
/* Hands what was put so far to the reader of a pipe. */
int fd2_stream_flush(struct stream_writer *w);
/* Writes the end record and publishes the file. Frees w, also when it fails. */
int fd2_stream_finish(struct stream_writer *w);
/* Frees w; no file appears. */
void fd2_stream_abandon(struct stream_writer *w);

#ifdef __cplusplus
}
#endif
#endif
