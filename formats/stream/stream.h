/* The face of formats/stream: tensor streams inside fd2, with all that formats/fd2/stream.h offers
 * to every program, and writing to an output of lib/base/out.h.
 *
 * objects.h reads one msgpack object after another within bounds, meta.h converts maps to JSON and
 * back, dtype.h has NumPy's names of types; stream-read.c and stream-write.c put them together. */
#ifndef FD2_STREAM_OUTPUT_H
#define FD2_STREAM_OUTPUT_H
#include <stdbool.h>

#include "formats/digest.h"
#include "formats/fd2/stream.h"
#include "lib/base/out.h"

/* Return whether no element is NaN or infinite; halves_finite takes n halves. */
bool array_finite(const struct array *a);
bool halves_finite(const uint16_t *v, int64_t n);
/* Checks that the meta has all keys, which are separated by spaces; "a.b" is b within a. -1:
 * fail_message. */
int stream_require(const struct stream_reader *r, const char *keys);
/* Like fd2_stream_create; takes `out`, also when it fails. */
struct stream_writer *stream_create(struct out *out, const char *kind, json_t *meta);

/* A place between two tensors of a stream, with all that a writer needs to continue there. */
struct stream_place {
	uint64_t size, count; /* bytes and tensors before it */
	uint32_t crc;         /* of those bytes, like the digest */
	struct digest digest;
	int version; /* of the stream's format */
};
/* Returns the place after the tensors read so far; not for use after the end record. */
struct stream_place stream_tell(const struct stream_reader *r);
/* Goes to a place between two tensors, stream_tell's size, to read those that follow; the stream
 * must be a file that was read to its end. Checks only these tensors again. -1: fail_message. */
int stream_seek(struct stream_reader *r, uint64_t at);
/* Continues writing at a place; `out` already holds the bytes before it. Takes `out`, also when it
 * fails. NULL: fail_message; an earlier version is read, but not written. */
struct stream_writer *stream_continue(struct out *out, const struct stream_place *at);
/* Makes durable what was put so far, if `out` is kept (OUT_KEEP). */
int stream_sync(struct stream_writer *w);
#endif
