/* The face of formats/stream, tensor streams inside fd2: what formats/fd2/stream.h offers to every
 * program, and writing to an output of lib/base/out.h.
 *
 * objects.h reads one msgpack object after another within bounds, meta.h turns maps into JSON and
 * back, dtype.h has NumPy's names of types; stream-read.c and stream-write.c put them together. */
#ifndef FD2_STREAM_OUTPUT_H
#define FD2_STREAM_OUTPUT_H
#include <stdbool.h>

#include "formats/digest.h"
#include "formats/fd2/stream.h"
#include "lib/base/out.h"

/* Whether no element is NaN or infinite; the second of n halves. */
bool array_finite(const struct array *a);
bool halves_finite(const uint16_t *v, int64_t n);
/* -1 when the meta lacks one of the keys, which are separated by spaces; "a.b" is b within a. */
int stream_require(const struct stream_reader *r, const char *keys);
/* As fd2_stream_create; takes `out`, also when it fails. */
struct stream_writer *stream_create(struct out *out, const char *kind, json_t *meta);

/* A place between two tensors of a stream: what a writer must know to go on from there. */
struct stream_place {
	uint64_t size, count; /* bytes and tensors before it */
	uint32_t crc;         /* of those bytes, as is the digest */
	struct digest digest;
	int version; /* of the stream's format */
};
/* After the tensors that were read so far; not after the end record. */
struct stream_place stream_tell(const struct stream_reader *r);
/* Goes to a place between two tensors, in bytes as stream_tell said: of a stream in a file that was
 * read to its end, for the tensors that follow there. Nothing but they is checked again. -1:
 * fail_message. */
int stream_seek(struct stream_reader *r, uint64_t at);
/* Goes on writing there; `out` already holds the bytes before it. Takes `out`, also when it fails.
 * NULL: fail_message; an earlier version is read, but not written. */
struct stream_writer *stream_continue(struct out *out, const struct stream_place *at);
/* Makes durable what was put so far, where `out` is kept (OUT_KEEP). */
int stream_sync(struct stream_writer *w);
#endif
