/* The face of formats: codecs of what tools read and write, without libtorch.
 *
 * An input is opened here, and its first bytes say what it is before a reader is chosen: image
 * shards (shard), tensor streams (stream), weights of other programs (weights). fkd has the label
 * stores of the FKD family. digest.h says what a file was made from, npy.h writes one array.
 *
 * Readers check every length before they allocate memory, own what they return until the next call
 * or until they are closed, and run nothing that a file holds. */
#ifndef FD2_INPUT_H
#define FD2_INPUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "formats/blob.h"

enum content {
	CONTENT_EMPTY,
	CONTENT_TAR,
	CONTENT_STREAM,
	CONTENT_JPEG,
	CONTENT_ZIP,
	CONTENT_PICKLE,
	CONTENT_SAFETENSORS,
	CONTENT_OTHER, /* a packed archive, too: how it is packed is libarchive's to say */
};

struct input;

/* path NULL or "-" is standard input. What was looked at and not read of a pipe is still there when
 * it is opened again under the same path; once it was read, that fails. */
struct input *input_open(const char *path);
/* Why opening a path failed, by errno: -1, fail_message. */
int input_no_file(const char *path);
/* Over memory (borrowed). */
struct input *input_open_memory(const void *data, size_t size);
const char *input_name(const struct input *in);
/* The same of a path. */
const char *input_name_of(const char *path);
/* What its next bytes are. Needs 512 bytes or the end; -1: fail_message. */
int input_content(struct input *in);
/* What a CONTENT_OTHER is (foreign.h); NULL: unknown. */
const char *input_foreign(const struct input *in);
/* Whether a CONTENT_OTHER is surely packed, by gzip, compress, bzip2, lzip, xz, zstd or lz4. */
bool input_is_packed(const struct input *in);
/* Remembers a sentence that says what the input is and that `expected` ("an image shard") is
 * needed; returns -1. */
int input_refuse(struct input *in, const char *expected);
/* Bytes read, 0 at the end, -1 with fail_message. May return fewer than n, as read(2). */
ssize_t input_read(struct input *in, void *to, size_t n);
/* Appends all that is left, at most `most` bytes, and a 0 byte that is not counted. -1:
 * fail_message. */
int input_read_all(struct input *in, struct blob *b, size_t most);
/* Goes to a place in a file, in bytes from its beginning. -1: fail_message, in a pipe. */
int input_seek(struct input *in, uint64_t at);
void input_close(struct input *in);
/* Whether it can be read only once: standard input, a pipe, a device. */
bool input_is_pipe(const char *path);
#endif
