#include "formats/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/foreign.h"
#include "lib/base/err.h"
#include "lib/base/io.h"

enum { HEAD = 512 }; /* a tar header; a stream's kind is in its first hundred bytes */

struct input {
	char *name;
	int fd; /* -1: memory */
	const uint8_t *memory;
	size_t memory_left;
	uint8_t head[HEAD]; /* bytes head_at..head_len were read ahead */
	size_t head_at, head_len;
	bool pipe;          /* can be read only once */
	bool open, used;    /* of a pipe: a reader has it; some bytes were read */
	struct input *next; /* next pipe */
};

/* Pipes stay open from their first opening to the end of the program. */
static struct input standard = {.name = "standard input", .fd = STDIN_FILENO, .pipe = true};
static struct input *pipes = &standard;

static struct input *reopen(struct input *in)
{
	if (in->open || in->used)
		return fail_null("%s%s%s can be read once only, and it is needed twice",
		    in == &standard ? "" : "the pipe '", in->name, in == &standard ? "" : "'");
	in->open = true;
	return in;
}

/* Opens a path; duplicates the descriptor of a socket, which cannot be opened again by its path. */
static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), given;
	if (fd < 0 && errno == ENXIO && (given = io_descriptor(path)) >= 0)
		fd = fcntl(given, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return fd;
}

const char *input_name_of(const char *path)
{
	return path && strcmp(path, "-") ? path : standard.name;
}

int input_no_file(const char *path)
{
	return errno == ENOENT && strstr(path, "://")
	           ? fail("'%s' is a URL, not a file: fetch it first", path)
	           : fail("cannot open '%s': %s", path, strerror(errno));
}

struct input *input_open(const char *path)
{
	struct stat st;
	if (!path || !strcmp(path, "-") || io_descriptor(path) == STDIN_FILENO)
		return reopen(&standard);
	for (struct input *in = pipes; in; in = in->next)
		if (in != &standard && !strcmp(in->name, path))
			return reopen(in);
	int fd = open_path(path);
	if (fd < 0) {
		input_no_file(path);
		return NULL;
	}
	struct input *in = xcalloc(1, sizeof *in);
	in->fd = fd;
	in->name = xstrdup(path);
	in->open = true;
	in->pipe = !fstat(fd, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
	if (in->pipe) {
		in->next = pipes;
		pipes = in;
	}
	return in;
}

bool input_is_pipe(const char *path)
{
	struct stat st;
	return !strcmp(path, "-") ||
	       (!stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

struct input *input_open_memory(const void *data, size_t size)
{
	struct input *in = xcalloc(1, sizeof *in);
	in->fd = -1;
	in->memory = data;
	in->memory_left = size;
	in->name = xstrdup("memory");
	return in;
}

const char *input_name(const struct input *in)
{
	return in->name;
}

void input_close(struct input *in)
{
	if (!in)
		return;
	in->open = false;
	if (in->pipe)
		return;
	if (in->fd >= 0)
		close(in->fd);
	free(in->name);
	free(in);
}

static size_t take(const uint8_t *from, size_t left, void *to, size_t n)
{
	n = n < left ? n : left;
	if (n)
		memcpy(to, from, n);
	return n;
}

static ssize_t read_on(struct input *in, void *to, size_t n)
{
	if (in->fd < 0) {
		n = take(in->memory, in->memory_left, to, n);
		in->memory += n;
		in->memory_left -= n;
		return (ssize_t)n;
	}
	ssize_t got = io_read(in->fd, to, n);
	return got < 0 ? fail("cannot read '%s': %s", in->name, strerror(errno)) : got;
}

ssize_t input_read(struct input *in, void *to, size_t n)
{
	in->used = true;
	if (in->head_at == in->head_len)
		return read_on(in, to, n);
	n = take(in->head + in->head_at, in->head_len - in->head_at, to, n);
	in->head_at += n;
	return (ssize_t)n;
}

int input_read_all(struct input *in, struct blob *b, size_t most)
{
	enum { CHUNK = 256 << 10 };
	ssize_t got = 1;
	while (got > 0) {
		blob_reserve(b, b->size + CHUNK + 1);
		got = input_read(in, b->data + b->size, b->cap - b->size - 1);
		b->size += got > 0 ? (size_t)got : 0;
		if (b->size > most)
			return fail("'%s' is larger than %zu MiB", in->name, most >> 20);
	}
	b->data[b->size] = '\0';
	return got < 0 ? -1 : 0;
}

int input_seek(struct input *in, uint64_t at)
{
	if (in->fd < 0 || in->pipe || lseek(in->fd, (off_t)at, SEEK_SET) < 0)
		return fail("cannot seek in '%s': it is not a regular file", in->name);
	in->head_at = in->head_len = 0;
	return 0;
}

/* Reads ahead until the head is full or the input ends. */
static int look(struct input *in)
{
	if (in->head_at == in->head_len)
		in->head_at = in->head_len = 0;
	while (in->head_len < HEAD) {
		ssize_t got = read_on(in, in->head + in->head_len, HEAD - in->head_len);
		if (got < 0)
			return -1;
		if (!got)
			break;
		in->head_len += (size_t)got;
	}
	return 0;
}

/* Checks the header's checksum, which every kind of tar has. */
static bool is_tar(const uint8_t *b, size_t n)
{
	long sum = 0, said;
	char text[9] = "";
	if (n < HEAD)
		return false;
	for (int i = 0; i < HEAD; i++)
		sum += i >= 148 && i < 156 ? ' ' : b[i];
	memcpy(text, b + 148, 8);
	said = strtol(text, NULL, 8);
	return said == sum;
}

static bool starts(const uint8_t *b, size_t n, const char *magic, size_t size)
{
	return n >= size && !memcmp(b, magic, size);
}

/* Detects a MessagePack map of at most 15 entries that begins with "format": "fd2-stream". */
static bool is_stream(const uint8_t *b, size_t n)
{
	static const char magic[] = "\xa6\x66ormat\xaa\x66\x64\x32-stream";
	return n && (b[0] & 0xf0) == 0x80 && starts(b + 1, n - 1, magic, sizeof magic - 1);
}

/* Detects a Python pickle of protocols 2 to 5. */
static bool is_pickle(const uint8_t *b, size_t n)
{
	return n > 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5;
}

/* Detects the header's length, below 2^32, and the header's first byte. */
static bool is_safetensors(const uint8_t *b, size_t n)
{
	return n > 8 && !memcmp(b + 4, "\0\0\0\0{", 5);
}

int input_content(struct input *in)
{
	if (look(in) < 0)
		return -1;
	const uint8_t *b = in->head + in->head_at;
	size_t n = in->head_len - in->head_at;
	if (!n)
		return CONTENT_EMPTY;
	if (is_stream(b, n))
		return CONTENT_STREAM;
	if (is_tar(b, n))
		return CONTENT_TAR;
	if (starts(b, n, "\xff\xd8\xff", 3))
		return CONTENT_JPEG;
	if (starts(b, n, "PK\3\4", 4))
		return CONTENT_ZIP;
	if (is_pickle(b, n))
		return CONTENT_PICKLE;
	if (is_safetensors(b, n))
		return CONTENT_SAFETENSORS;
	return CONTENT_OTHER;
}

const char *input_foreign(const struct input *in)
{
	return foreign_format(in->head + in->head_at, in->head_len - in->head_at);
}

bool input_is_packed(const struct input *in)
{
	static const char *const magic[] = {"\x1f\x8b", "\x1f\x9d", "LZIP\1", "\xfd\x37zXZ",
	    "\x28\xb5\x2f\xfd", "\x04\x22\x4d\x18", NULL};
	const uint8_t *b = in->head + in->head_at;
	size_t n = in->head_len - in->head_at;
	for (int i = 0; magic[i]; i++)
		if (starts(b, n, magic[i], strlen(magic[i])))
			return true;
	return starts(b, n, "BZh", 3) && n > 10 && !memcmp(b + 4, "1AY&SY", 6);
}

/* Finds the stream's kind if the head has it as a short string. Returns its length; 0: no. */
static int stream_kind(const struct input *in, const char **kind)
{
	const uint8_t *b = in->head + in->head_at, *end = in->head + in->head_len;
	const uint8_t *key = memmem(b, (size_t)(end - b), "\xa4kind", 5);
	if (!key || end - key < 6 || (key[5] & 0xe0) != 0xa0 || end - key < 6 + (key[5] & 31))
		return 0;
	*kind = (const char *)key + 6;
	return key[5] & 31;
}

int input_refuse(struct input *in, const char *expected)
{
	const char *kind = "";
	int n;
	switch (input_content(in)) {
	case -1:
		return -1;
	case CONTENT_EMPTY:
		return fail("'%s' is empty; expected %s", in->name, expected);
	case CONTENT_TAR:
		return fail("'%s' is an image shard; expected %s", in->name, expected);
	case CONTENT_STREAM:
		n = stream_kind(in, &kind);
		return fail("'%s' is a tensor stream (kind %.*s); expected %s", in->name, n, kind,
		    expected);
	case CONTENT_JPEG:
		return fail("'%s' is a JPEG image; expected %s", in->name, expected);
	case CONTENT_ZIP:
		return fail("'%s' is a zip archive ('unzip' makes a folder of it); expected %s",
		    in->name, expected);
	case CONTENT_PICKLE:
		return fail("'%s' is a pickle; expected %s", in->name, expected);
	case CONTENT_SAFETENSORS:
		return fail("'%s' holds safetensors; expected %s", in->name, expected);
	default:
		if (input_foreign(in))
			return fail(
			    "'%s' is %s; expected %s", in->name, input_foreign(in), expected);
		return fail("'%s' is neither a tar archive nor a tensor stream; expected %s",
		    in->name, expected);
	}
}
