#include "formats/shard/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "formats/input.h"
#include "formats/shard/shard.h"
#include "lib/base/err.h"

enum {
	READ_SIZE = 256 << 10,
	RATIO_MAX = 1000,     /* of unpacked to packed bytes */
	RATIO_FREE = 1 << 20, /* unpacked bytes before the limit applies */
};

struct tar {
	struct input *input;
	struct archive *archive;
	char last[MEMBER_NAME_MAX + 1]; /* last name read, for messages */
	int64_t size;                   /* of that member */
	uint8_t buffer[READ_SIZE];      /* for libarchive */
	size_t got;                     /* bytes in the buffer */
	int64_t fed;                    /* bytes of the input before those in the buffer */
	int64_t zeros;                  /* number of zero bytes just before the buffer */
};

/* Reads the next buffer. At the end of the input, the buffer stays as it was. */
static ssize_t next_buffer(struct tar *t)
{
	size_t zeros = 0;
	while (zeros < t->got && !t->buffer[t->got - 1 - zeros])
		zeros++;
	ssize_t got = input_read(t->input, t->buffer, READ_SIZE);
	if (got <= 0)
		return got;
	t->zeros = (int64_t)zeros + (zeros == t->got ? t->zeros : 0);
	t->fed += (int64_t)t->got;
	t->got = (size_t)got;
	return got;
}

static ssize_t feed(struct archive *a, void *ctx, const void **data)
{
	struct tar *t = ctx;
	*data = t->buffer;
	ssize_t got = next_buffer(t);
	if (got < 0)
		archive_set_error(a, EIO, "%s", fail_message());
	return got;
}

const char *tar_path(const struct tar *t)
{
	return input_name(t->input);
}

/* Returns how many bytes of the input follow any zeros at `at`, which is in the buffer. */
static int64_t bytes_after(struct tar *t, int64_t at)
{
	size_t i = at > t->fed ? (size_t)(at - t->fed) : 0;
	int64_t n = 0;
	do {
		while (!n && i < t->got && !t->buffer[i])
			i++;
		n += (int64_t)(t->got - i);
		i = 0;
	} while (next_buffer(t) > 0);
	return n;
}

static int junk(struct tar *t, int64_t n)
{
	return fail("'%s' has %s after its end, which %s not an archive", tar_path(t),
	    counted(n, "bytes").text, n == 1 ? "is" : "are");
}

/* Returns whether the n bytes before `at` are zero. */
static bool zeros_before(const struct tar *t, int64_t at, int64_t n)
{
	for (int64_t i = at - 1; i >= at - n; i--) {
		if (i < t->fed)
			return t->zeros >= i + 1 - (at - n);
		if (i - t->fed >= (int64_t)t->got || t->buffer[i - t->fed])
			return false;
	}
	return true;
}

/* Returns where an uncompressed archive ended before an unreadable header; -1: it had not ended.
 * libarchive may or may not have read that header's block. */
static int64_t end_before(const struct tar *t)
{
	int64_t at = archive_filter_bytes(t->archive, 0);
	if (archive_filter_count(t->archive) > 1)
		return -1;
	for (int64_t end = at; end >= at - 512 && end > 1024; end -= 512)
		if (zeros_before(t, end, 1024))
			return end;
	return -1;
}

/* Returns libarchive's message, which may be missing. */
static const char *reason(struct archive *a)
{
	const char *text = archive_error_string(a);
	return text ? text : "damaged archive";
}

/* Adds all filters except those that run a program (archive_read_support_filter_all has them). */
static void add_filters(struct archive *a)
{
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_lzip(a);
	archive_read_support_filter_compress(a);
}

/* Refuses only inputs that are surely something else: libarchive knows the many ways in which a
 * compressed archive may begin. */
static int check_content(struct input *in)
{
	int content = input_content(in);
	if (content < 0)
		return -1;
	return content == CONTENT_TAR || (content == CONTENT_OTHER && !input_foreign(in))
	           ? 0
	           : input_refuse(in, "an image shard");
}

static int check_ratio(struct tar *t)
{
	struct archive *a = t->archive;
	int64_t packed = archive_filter_bytes(a, -1), unpacked = archive_filter_bytes(a, 0);
	if (archive_filter_count(a) > 1 && unpacked > RATIO_FREE && unpacked / RATIO_MAX > packed)
		return fail("'%s' unpacks to more than %d times its size", tar_path(t), RATIO_MAX);
	return 0;
}

/* Fails with the best message for a damaged archive, libarchive's own if there is no better one. */
static int damaged(struct tar *t)
{
	const char *why = reason(t->archive), *path = tar_path(t);
	if (strstr(why, "Unrecognized archive format"))
		return archive_filter_count(t->archive) > 1
		           ? fail("'%s' is packed with %s, but it holds no tar archive", path,
		                 archive_filter_name(t->archive, 0))
		           : fail("'%s' is not a tar archive", path);
	bool cut = strstr(why, "runcated") || strstr(why, "No progress is possible"); /* of xz */
	if (!*t->last)
		return cut ? fail("'%s' is cut short", path)
		           : fail("cannot read '%s': %s", path, why);
	if (cut)
		return fail("'%s' is cut short, at or after member '%s'", path, t->last);
	return fail("cannot read '%s': at or after member '%s': %s", path, t->last, why);
}

struct tar *tar_open(const char *path)
{
	struct tar *t = xcalloc(1, sizeof *t);
	struct archive *a = t->archive = archive_read_new();
	t->input = input_open(path);
	add_filters(a);
	archive_read_support_format_tar(a);
	/* Without it libarchive stops silently after the first of `cat a.tar b.tar`. */
	archive_read_set_options(a, "tar:read_concatenated_archives");
	int err = t->input ? check_content(t->input) : -1;
	if (!err && archive_read_open(a, t, NULL, feed, NULL) != ARCHIVE_OK)
		err = damaged(t);
	if (!err)
		return t;
	tar_close(t);
	return NULL;
}

void tar_close(struct tar *t)
{
	archive_read_free(t->archive);
	input_close(t->input);
	free(t);
}

/* Checks for the two blocks of zeros at the end: libarchive takes the end of the file for the end
 * of the archive, even at a member's boundary. */
static int at_end(struct tar *t)
{
	struct archive *a = t->archive;
	if (archive_read_header_position(a) + 1024 > archive_filter_bytes(a, 0))
		return fail("'%s' is cut short: its end is missing", tar_path(t));
	int64_t after = bytes_after(t, archive_filter_bytes(a, -1));
	return after ? junk(t, after) : 0;
}

/* Handles an unreadable header, in the archive or after its end, where zeros are allowed. */
static int no_header(struct tar *t)
{
	int64_t end = end_before(t), after = end < 0 ? -1 : bytes_after(t, end);
	if (!after)
		return 0;
	return after < 0 ? damaged(t) : junk(t, after);
}

static const char *name_of(struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e);
	return name ? name : archive_entry_pathname_utf8(e);
}

/* Returns an entry's kind. A hard link with bytes of its own, as pax allows, is a file. */
static enum tar_kind kind_of(struct archive_entry *e)
{
	if (archive_entry_hardlink(e) && !archive_entry_size(e))
		return TAR_LINK;
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
		return TAR_FILE;
	case AE_IFDIR:
		return TAR_FOLDER;
	case AE_IFLNK:
		return TAR_LINK;
	default:
		return TAR_OTHER;
	}
}

/* Sets a link's target: hard links are relative to the archive's root, symbolic ones to their
 * folder. */
static int take_target(struct tar *t, struct tar_entry *e, struct archive_entry *from)
{
	const char *hard = archive_entry_hardlink(from), *symbolic = archive_entry_symlink(from);
	if (hard)
		return member_name(e->target, tar_path(t), hard);
	if (!symbolic || member_link_target(e->target, e->name, symbolic) < 0)
		*e->target = '\0';
	return 0;
}

int tar_next(struct tar *t, struct tar_entry *e)
{
	struct archive_entry *from;
	int got = archive_read_next_header(t->archive, &from);
	if (got == ARCHIVE_EOF)
		return at_end(t);
	if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
		return no_header(t);
	if (check_ratio(t) < 0)
		return -1;
	if (!name_of(from))
		return fail("'%s' has a member whose name cannot be read", tar_path(t));
	if (member_name(e->name, tar_path(t), name_of(from)) < 0)
		return -1;
	strcpy(t->last, e->name);
	t->size = e->size = archive_entry_size(from);
	e->kind = kind_of(from);
	*e->target = '\0';
	return e->kind == TAR_LINK && take_target(t, e, from) < 0 ? -1 : 1;
}

int tar_read(struct tar *t, struct blob *b)
{
	ssize_t got = 1;
	b->size = 0;
	while (got && t->size <= SHARD_MEMBER_MAX && b->size <= SHARD_MEMBER_MAX) {
		if (check_ratio(t) < 0)
			return -1;
		blob_reserve(b, b->size + READ_SIZE);
		got = archive_read_data(t->archive, b->data + b->size, b->cap - b->size);
		if (got < 0)
			return damaged(t);
		b->size += (size_t)got;
	}
	return got ? fail("'%s': member '%s' is larger than 256 MiB", tar_path(t), t->last) : 0;
}
