/* Tensor streams: concatenated msgpack objects. The specification is stream.md beside this file and
 * fd2-stream(5).
 *
 *     {"format": "fd2-stream", "version": 1, "kind": KIND, "meta": {...}}            header
 *     {"name": NAME, "value": ndarray}                                              one a tensor,
 * in msgpack-numpy's encoding
 *     {"name": NAME, "value": ndarray, "part": [i, n], "shape": [...]}               a tensor over
 * 64 MiB, split along axis 0
 *     {"end": true, "count": tensors, "crc32": of all bytes before this object}
 *
 * Python reads it with msgpack and msgpack_numpy alone. Every length is checked before anything is
 * allocated. */
#ifndef FD2_STREAM_H
#define FD2_STREAM_H
#include "lib/base/out.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum dtype { DT_F16, DT_F32, DT_F64, DT_I32, DT_I64, DT_U8, DT_BOOL };
size_t dtype_size(enum dtype t);
const char *dtype_name(enum dtype t); /* "f16" ... */

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
int64_t array_count(const struct array *a);        /* elements */
double array_at(const struct array *a, int64_t i); /* element i as a double */
void array_free(struct array *a);

struct stream_reader;
/* path NULL or "-" is standard input. Reads the header. kind NULL accepts any, otherwise another
 * kind is refused: "'x' holds labels; a teacher is wanted here". A shard, text or empty input is
 * recognised and said. */
struct stream_reader *stream_open(const char *path, const char *kind);
/* As stream_open, over memory (borrowed): for tests and fuzzing. */
struct stream_reader *stream_open_memory(const void *data, size_t size, const char *kind);
const char *stream_kind(const struct stream_reader *r);
json_t *stream_meta(const struct stream_reader *r); /* borrowed, valid until close */
/* 1: a whole tensor in *a (the caller's: array_free; parts are joined); 0: end record seen and
 * count, checksum and end of file right; -1: fail_message(). */
int stream_next(struct stream_reader *r, struct array *a);
/* 16 hex digits over all bytes; known once stream_next returned 0. */
const char *stream_digest(const struct stream_reader *r);
void stream_close(struct stream_reader *r);

struct stream_writer;
/* Writes the header. meta is stolen; out stays the caller's until stream_finish. */
struct stream_writer *stream_create(struct out *out, const char *kind, json_t *meta);
/* Splits what is over 64 MiB. data is C order, little endian. */
int stream_put(struct stream_writer *w, const char *name, enum dtype t, int rank,
    const int64_t *shape, const void *data);
/* End record, out_close. Frees w. */
int stream_finish(struct stream_writer *w);
void stream_abandon(struct stream_writer *w);
/* Makes a stream readable as it is made: flushes to a pipe (an epoch of labels). */
int stream_flush(struct stream_writer *w);
#endif
