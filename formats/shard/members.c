#include "formats/shard/members.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/input.h"
#include "formats/shard/paths.h"
#include "formats/shard/shard.h"
#include "lib/base/err.h"

enum {
	READ_SIZE = 256 << 10,
	RATIO_MAX = 1000,     /* unpacked to packed bytes */
	RATIO_FREE = 1 << 20, /* unpacked bytes that are not counted */
	DEPTH_MAX = 16,       /* of folders */
};

/* A folder that is being read: its sorted entries. */
struct level {
	struct dirent **v;
	int n, at;
	size_t prefix; /* length of the folder's own name, with its slash, in members.place */
};

struct members {
	struct paths paths;
	int at; /* the path being read; -1 before the first */
	bool open, in_folder;
	struct input *input;
	struct archive *archive;
	uint8_t *buffer; /* READ_SIZE, for libarchive */
	size_t root;     /* length of the path in place, with its slash */
	char place[4096];
	struct level levels[DEPTH_MAX];
	int depth;
};

void blob_reserve(struct blob *b, size_t n)
{
	if (n <= b->cap)
		return;
	b->cap = n > 2 * b->cap ? n : 2 * b->cap;
	b->data = xrealloc(b->data, b->cap, 1);
}

const char *members_path(const struct members *ms)
{
	return ms->input ? input_name(ms->input) : ms->paths.v[ms->at];
}

bool members_in_folder(const struct members *ms)
{
	return ms->in_folder;
}

static ssize_t feed(struct archive *a, void *ctx, const void **data)
{
	struct members *ms = ctx;
	*data = ms->buffer;
	ssize_t got = input_read(ms->input, ms->buffer, READ_SIZE);
	if (got < 0)
		archive_set_error(a, EIO, "%s", fail_message());
	return got;
}

/* libarchive may have no text. */
static const char *reason(struct archive *a)
{
	const char *text = archive_error_string(a);
	return text ? text : "damaged archive";
}

static int open_archive(struct members *ms, const char *path)
{
	ms->input = input_open(path);
	if (!ms->input)
		return -1;
	int content = input_content(ms->input);
	if (content < 0)
		return -1;
	if (content == CONTENT_EMPTY)
		return fail("'%s' is empty", members_path(ms));
	if (content == CONTENT_OTHER)
		return fail("'%s' is not a tar archive", members_path(ms));
	if (content != CONTENT_TAR && content != CONTENT_PACKED)
		return input_refuse(ms->input, "an image shard");
	struct archive *a = ms->archive = archive_read_new();
	/* Named one by one: the others may start programs. */
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_format_tar(a);
	/* Without it libarchive stops silently after the first of `cat a.tar b.tar`. */
	archive_read_set_options(a, "tar:read_concatenated_archives");
	if (archive_read_open(a, ms, NULL, feed, NULL) != ARCHIVE_OK)
		return fail("cannot read '%s': %s", members_path(ms), reason(a));
	return 0;
}

static int check_ratio(struct members *ms)
{
	struct archive *a = ms->archive;
	int64_t packed = archive_filter_bytes(a, -1), unpacked = archive_filter_bytes(a, 0);
	if (archive_filter_count(a) > 1 && unpacked > RATIO_FREE && unpacked / RATIO_MAX > packed)
		return fail(
		    "'%s' unpacks to more than %d times its size", members_path(ms), RATIO_MAX);
	return 0;
}

/* libarchive's own sentence, where there is no better one; `member` is the last name read. */
static int damaged(struct members *ms, const char *member)
{
	const char *why = reason(ms->archive);
	if (strstr(why, "Unrecognized archive format"))
		return fail("'%s' is not a tar archive", members_path(ms));
	if (strstr(why, "runcated"))
		return fail("'%s' is cut short, at or after member '%s'", members_path(ms), member);
	return fail("cannot read '%s': at or after member '%s': %s", members_path(ms), member, why);
}

static int read_data(struct members *ms, struct member *m)
{
	ssize_t got;
	do {
		if (check_ratio(ms) < 0)
			return -1;
		blob_reserve(&m->data, m->data.size + READ_SIZE);
		got = archive_read_data(
		    ms->archive, m->data.data + m->data.size, m->data.cap - m->data.size);
		if (got < 0)
			return damaged(ms, m->name);
		m->data.size += (size_t)got;
		if (m->data.size > SHARD_MEMBER_MAX)
			return fail(
			    "'%s': member '%s' is larger than 256 MiB", members_path(ms), m->name);
	} while (got);
	return MEMBER_FILE;
}

/* libarchive takes the end of the file for the end of the archive, even at a member's boundary;
 * two blocks of zeros must be there. */
static int at_end(struct members *ms)
{
	struct archive *a = ms->archive;
	if (archive_read_header_position(a) + 1024 > archive_filter_bytes(a, 0))
		return fail("'%s' is cut short: its end is missing", members_path(ms));
	return MEMBER_PATH_END;
}

/* Copies a member's name without the "./" that `tar c .` puts in front. Absolute names and ".."
 * are no names of a shard. */
static int take_name(struct members *ms, struct member *m, const char *name)
{
	if (!name)
		return fail("'%s' has a member whose name cannot be read", members_path(ms));
	while (!strncmp(name, "./", 2))
		name += 2 + strspn(name + 2, "/");
	if (strlen(name) > SHARD_NAME_MAX)
		return fail("'%s': the name of member '%.40s...' is longer than %d bytes",
		    members_path(ms), name, SHARD_NAME_MAX);
	size_t n = strlen(name);
	bool up = !strncmp(name, "../", 3) || strstr(name, "/../") ||
	          (n >= 3 && !strcmp(name + n - 3, "/..")) || !strcmp(name, "..");
	if (*name == '/' || up)
		return fail("'%s': the name of member '%s' leads out of the archive",
		    members_path(ms), name);
	strcpy(m->name, name);
	return 0;
}

static const char *name_of(struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e);
	return name ? name : archive_entry_pathname_utf8(e);
}

static int next_in_archive(
    struct members *ms, struct member *m, int (*wanted)(const char *, const char *))
{
	for (;;) {
		struct archive_entry *e;
		int got = archive_read_next_header(ms->archive, &e);
		if (got == ARCHIVE_EOF)
			return at_end(ms);
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
			return damaged(ms, m->name);
		if (check_ratio(ms) < 0 || take_name(ms, m, name_of(e)) < 0)
			return -1;
		if (archive_entry_size(e) > SHARD_MEMBER_MAX)
			return fail(
			    "'%s': member '%s' is larger than 256 MiB", members_path(ms), m->name);
		int want = archive_entry_filetype(e) == AE_IFREG && !archive_entry_hardlink(e)
		               ? wanted(members_path(ms), m->name)
		               : 0;
		if (want < 0)
			return -1;
		m->data.size = 0;
		if (want)
			return read_data(ms, m);
	}
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Goes into the folder whose name is in place[0..prefix). */
static int enter(struct members *ms, size_t prefix)
{
	struct level *l = &ms->levels[ms->depth];
	if (ms->depth == DEPTH_MAX)
		return fail(
		    "'%s' is nested more than %d folders deep", ms->paths.v[ms->at], DEPTH_MAX);
	l->n = scandir(ms->place, &l->v, NULL, by_name);
	if (l->n < 0)
		return fail("cannot read '%s': %s", ms->place, strerror(errno));
	l->at = 0;
	l->prefix = prefix;
	ms->depth++;
	return 0;
}

static void leave(struct members *ms)
{
	struct level *l = &ms->levels[--ms->depth];
	for (int i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

static int open_folder(struct members *ms, const char *path)
{
	ms->in_folder = true;
	ms->root = (size_t)snprintf(ms->place, sizeof ms->place, "%s/", path);
	return ms->root < sizeof ms->place ? enter(ms, ms->root)
	                                   : fail("the name '%.40s...' is too long", path);
}

static int read_file(struct members *ms, struct member *m)
{
	struct input *in = input_open(ms->place);
	ssize_t got = in ? 1 : -1;
	m->data.size = 0;
	while (got > 0) {
		blob_reserve(&m->data, m->data.size + READ_SIZE);
		got = input_read(in, m->data.data + m->data.size, m->data.cap - m->data.size);
		m->data.size += got > 0 ? (size_t)got : 0;
		if (m->data.size > SHARD_MEMBER_MAX)
			got = fail("'%s' is larger than 256 MiB", ms->place);
	}
	input_close(in);
	return got < 0 ? -1 : MEMBER_FILE;
}

static int next_in_folder(
    struct members *ms, struct member *m, int (*wanted)(const char *, const char *))
{
	while (ms->depth) {
		struct level *l = &ms->levels[ms->depth - 1];
		if (l->at == l->n) {
			leave(ms);
			continue;
		}
		const char *name = l->v[l->at++]->d_name;
		struct stat st;
		if (*name == '.')
			continue;
		size_t room = sizeof ms->place - l->prefix, n = strlen(name);
		if (n + 2 > room)
			return fail("a name in '%.*s' is too long", (int)l->prefix, ms->place);
		strcpy(ms->place + l->prefix, name);
		if (stat(ms->place, &st))
			return fail("cannot read '%s': %s", ms->place, strerror(errno));
		if (S_ISDIR(st.st_mode)) {
			strcat(ms->place, "/");
			if (enter(ms, l->prefix + n + 1) < 0)
				return -1;
			continue;
		}
		if (take_name(ms, m, ms->place + ms->root) < 0)
			return -1;
		int want = S_ISREG(st.st_mode) ? wanted(members_path(ms), m->name) : 0;
		if (want)
			return want < 0 ? -1 : read_file(ms, m);
	}
	return MEMBER_PATH_END;
}

static void close_path(struct members *ms)
{
	while (ms->depth)
		leave(ms);
	if (ms->archive)
		archive_read_free(ms->archive);
	input_close(ms->input);
	ms->archive = NULL;
	ms->input = NULL;
	ms->open = ms->in_folder = false;
}

static int open_path(struct members *ms)
{
	const char *path = ms->paths.v[ms->at];
	struct stat st;
	ms->open = true;
	return strcmp(path, "-") && !stat(path, &st) && S_ISDIR(st.st_mode)
	           ? open_folder(ms, path)
	           : open_archive(ms, path);
}

struct members *members_open(char *const *paths, int n)
{
	struct members *ms = xcalloc(1, sizeof *ms);
	int ok = n ? 0 : paths_add(&ms->paths, "-");
	ms->at = -1;
	ms->buffer = xmalloc(READ_SIZE);
	for (int i = 0; i < n && !ok; i++)
		ok = paths_add(&ms->paths, paths[i]);
	for (int i = 0; i < ms->paths.n && !ok; i++)
		if (strcmp(ms->paths.v[i], "-") && access(ms->paths.v[i], R_OK))
			ok = fail("cannot open '%s': %s", ms->paths.v[i], strerror(errno));
	if (!ok)
		return ms;
	members_close(ms);
	return NULL;
}

int members_next(struct members *ms, struct member *m, int (*wanted)(const char *, const char *))
{
	if (!ms->open) {
		close_path(ms);
		if (ms->at + 1 == ms->paths.n)
			return MEMBER_END;
		ms->at++;
		if (open_path(ms) < 0)
			return -1;
	}
	int got = ms->in_folder ? next_in_folder(ms, m, wanted) : next_in_archive(ms, m, wanted);
	if (got == MEMBER_PATH_END)
		ms->open = false; /* its name is still asked for: the next call closes it */
	return got;
}

void members_close(struct members *ms)
{
	close_path(ms);
	paths_free(&ms->paths);
	free(ms->buffer);
	free(ms);
}
