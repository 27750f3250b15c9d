/* The face of formats: codecs for the files that tools read and write, without libtorch.
 *
 * This header opens an input and detects what it is by its first bytes, to choose a reader: image
 * shards (shard), tensor streams (stream), weights of other programs (weights). fkd has the label
 * stores of the FKD family. digest.h identifies a file's contents, npy.h writes one array.
 *
 * Readers check every length before they allocate memory, own what they return until the next call
 * or until they are closed, and never run code from a file. */
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
	CONTENT_OTHER, /* also a compressed archive, which libarchive identifies */
};

struct input;

/* Opens an input. path NULL or "-" is standard input. A pipe can be opened again under the same
 * path until bytes are read from it; input_content does not count. NULL: fail_message. */
struct input *input_open(const char *path);
/* Fails with the reason in errno why opening a path failed; returns -1. */
int input_no_file(const char *path);
/* Opens borrowed memory. */
struct input *input_open_memory(const void *data, size_t size);
const char *input_name(const struct input *in);
/* Returns the same for a path. */
const char *input_name_of(const char *path);
/* Returns the enum content of its next bytes, without consuming them. Waits for 512 bytes or the
 * end. -1: fail_message. */
int input_content(struct input *in);
/* Returns the format of a CONTENT_OTHER (foreign.h); NULL: unknown. */
const char *input_foreign(const struct input *in);
/* Returns whether a CONTENT_OTHER is surely compressed, by gzip, compress, bzip2, lzip, xz, zstd or
 * lz4. */
bool input_is_packed(const struct input *in);
/* Fails with a message that says what the input is and that `expected` ("an image shard") is
 * needed; returns -1. */
int input_refuse(struct input *in, const char *expected);
/* Returns the number of bytes read, which may be fewer than n as for read(2); 0 at the end; -1:
 * fail_message. */
ssize_t input_read(struct input *in, void *to, size_t n);
/* Appends the rest of the input and a 0 byte that is not counted. -1: fail_message, also if the
 * rest is longer than `most` bytes. */
int input_read_all(struct input *in, struct blob *b, size_t most);
/* Seeks to an offset from a file's beginning. -1: fail_message, also for a pipe. */
int input_seek(struct input *in, uint64_t at);
void input_close(struct input *in);
/* Returns whether a path can be read only once: standard input, a pipe, a device. */
bool input_is_pipe(const char *path);
#endif
