/* Continues PATH.part: finds the complete samples of an unfinished shard. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/json.h"
#include "formats/shard/shard-writer.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/provenance.h"

/* An unfinished shard being read, and what of it is complete. */
struct partial_shard {
	const char *name;
	int fd, why; /* why: errno of a failed read */
	struct archive *archive;
	uint64_t size, at, good; /* bytes of the file, read so far, and of complete samples */
	uint8_t chunk[SHARD_BLOCK * 128];
	struct member member;
	json_t *start; /* NULL: not even that is complete */
	bool parts[PARTS];
	struct group group;
	struct digest digest;
	long count;
};

static size_t read_at(struct partial_shard *f, void *to, size_t n, uint64_t at)
{
	size_t got = io_pread(f->fd, to, n, at);
	if (got < n && errno)
		f->why = errno;
	return got;
}

/* Returns the offset of a member's own header, after those that hold a long name. */
static uint64_t after_long_name(struct partial_shard *f, uint64_t at)
{
	char header[SHARD_BLOCK];
	while (read_at(f, header, SHARD_BLOCK, at) == SHARD_BLOCK && header[156] == 'x') {
		uint64_t size = strtoull(header + 124, NULL, 8);
		at += SHARD_BLOCK + (size + SHARD_BLOCK - 1) / SHARD_BLOCK * SHARD_BLOCK;
	}
	return at;
}

static la_ssize_t read_chunk(struct archive *a, void *ctx, const void **chunk)
{
	(void)a;
	struct partial_shard *f = ctx;
	size_t n = read_at(f, f->chunk, sizeof f->chunk, f->at);
	*chunk = f->chunk;
	f->at += n;
	return n || !f->why ? (la_ssize_t)n : -1;
}

/* Handles a failed read of libarchive. 0: the file is cut or damaged there; -1: fail_message,
 * reading the file failed. */
static int incomplete(const struct partial_shard *f)
{
	return f->why ? fail("cannot read '%s': %s", f->name, strerror(f->why)) : 0;
}

/* Reads the next member. 1: it is there with all its blocks, up to *end; 0: it is incomplete; -1:
 * fail_message. */
static int next_whole(struct partial_shard *f, uint64_t *end)
{
	struct archive_entry *e;
	struct blob *b = &f->member.data;
	int got = archive_read_next_header(f->archive, &e);
	if (got == ARCHIVE_EOF)
		return 0;
	if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
		return incomplete(f);
	if (archive_entry_size(e) > SHARD_MEMBER_MAX)
		return 0;
	size_t size = (size_t)archive_entry_size(e);
	*end = after_long_name(f, (uint64_t)archive_read_header_position(f->archive)) +
	       SHARD_BLOCK + (size + SHARD_BLOCK - 1) / SHARD_BLOCK * SHARD_BLOCK;
	const char *name = archive_entry_pathname(e);
	if (*end > f->size || !name || strlen(name) > SHARD_NAME_MAX)
		return 0;
	strcpy(f->member.name, name);
	blob_reserve(b, size + 1);
	b->size = size;
	return archive_read_data(f->archive, b->data, size) == (ssize_t)size ? 1 : incomplete(f);
}

/* Returns whether fd2 wrote the file; works even if it is cut within its first member. */
static bool is_ours(struct partial_shard *f)
{
	char head[sizeof SHARD_START];
	return !memcmp(head, SHARD_START, read_at(f, head, sizeof head, 0));
}

static int read_start(struct partial_shard *f)
{
	uint64_t end = 0;
	const char *part;
	size_t i;
	json_t *v;
	if (!is_ours(f))
		return fail("'%s' was not started by this program; remove it", f->name);
	int whole = next_whole(f, &end);
	if (whole < 0)
		return -1;
	if (!whole && (f->size < SHARD_BLOCK || end > f->size))
		return 0; /* cut */
	if (whole)
		f->start = parse_json_object((char *)f->member.data.data, f->member.data.size,
		    SHARD_VALUES_MAX, "'%s': its %s", f->name, SHARD_START);
	if (!json_is_object(json_object_get(f->start, "meta")))
		return fail("'%s' is damaged; remove it", f->name);
	json_array_foreach (json_object_get(f->start, "parts"), i, v)
		for (int p = 0; (part = json_string_value(v)) && p < PARTS; p++)
			f->parts[p] |= !strcmp(part, part_names[p]);
	f->good = end;
	return 0;
}

static int read_samples(
    struct partial_shard *f, void (*seen)(void *, const struct sample *), void *ctx)
{
	char key[SHARD_NAME_MAX + 1];
	uint64_t end;
	int got;
	struct sample s;
	struct sample_sum sum;
	while ((got = next_whole(f, &end)) > 0) {
		enum part p = part_of(f->member.name, key);
		if (p < 0 || (f->group.open && strcmp(key, f->group.key) != 0))
			break;
		if (group_take(&f->group, f->name, p, key, &f->member) < 0)
			return -1;
		if (memcmp(f->group.has, f->parts, sizeof f->parts) != 0)
			continue;
		if (group_sample(&f->group, f->name, &s) < 0)
			return -1;
		if (seen)
			seen(ctx, &s);
		sample_sum(&sum, &s);
		digest_add(&f->digest, sum.lines, sum.n);
		f->count++;
		f->good = end;
		group_close(&f->group);
	}
	return got < 0 ? -1 : 0;
}

static int read_partial(
    struct partial_shard *f, void (*seen)(void *, const struct sample *), void *ctx)
{
	struct stat st;
	f->fd = open(f->name, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st))
		return fail("cannot open '%s': %s", f->name, strerror(errno));
	f->size = (uint64_t)st.st_size;
	digest_begin(&f->digest);
	f->archive = archive_read_new();
	archive_read_support_format_tar(f->archive);
	archive_read_open(f->archive, f, NULL, read_chunk, NULL);
	int err = read_start(f);
	if (!err && f->start)
		err = read_samples(f, seen, ctx);
	archive_read_free(f->archive);
	close(f->fd);
	free(f->member.data.data);
	group_free(&f->group);
	return err;
}

/* Continues after the complete samples. Keeps the settings as first written, so that the result is
 * the same as without the interruption. */
static struct shard_writer *continue_after(const char *path, const struct partial_shard *f,
    json_t *meta, const char *const *classes, int n)
{
	const json_t *first = f->start ? json_object_get(f->start, "meta") : meta;
	struct out *out = out_resume(path, f->good);
	struct shard_writer *w =
	    out ? shard_create(out, json_incref((json_t *)first), classes, n) : NULL;
	if (w && f->start)
		shard_go_on(w, f->parts, &f->digest, f->count);
	return w;
}

static int same_settings(
    const struct partial_shard *f, const json_t *meta, const char *const *classes, int n)
{
	if (!f->start)
		return 0;
	json_t *list = shard_name_list(classes, n);
	int err = provenance_agree(f->name, json_object_get(f->start, "meta"), meta);
	if (err)
		fail("%s; give the same settings, or remove it", fail_message());
	if (!err && !json_equal(list, json_object_get(f->start, "classes")))
		err = fail("'%s' was made with another list of classes; remove it", f->name);
	json_decref(list);
	return err;
}

struct shard_writer *shard_resume(const char *path, json_t *meta, const char *const *classes, int n,
    void (*seen)(void *ctx, const struct sample *s), void *ctx)
{
	char *part = out_part_name(path);
	struct partial_shard f = {.name = part};
	struct shard_writer *w = NULL;
	if (access(part, F_OK)) {
		struct out *out = out_open(path, OUT_KEEP);
		w = out ? shard_create(out, json_incref(meta), classes, n) : NULL;
	} else if (read_partial(&f, seen, ctx) == 0 && same_settings(&f, meta, classes, n) == 0) {
		w = continue_after(path, &f, meta, classes, n);
	}
	json_decref(f.start);
	json_decref(meta);
	free(part);
	return w;
}

/* Reads an unfinished shard. meta NULL: accepts any settings. */
static long read_unfinished(const char *path, const json_t *meta, const char *const *classes, int n,
    void (*seen)(void *ctx, const struct sample *s), void *ctx)
{
	char *part = out_part_name(path);
	struct partial_shard f = {.name = part};
	int err = access(part, F_OK) ? 0 : read_partial(&f, seen, ctx);
	if (!err && meta)
		err = same_settings(&f, meta, classes, n);
	json_decref(f.start);
	free(part);
	return err < 0 ? -1 : f.count;
}

int shard_kept(const char *path, const json_t *meta, const char *const *classes, int n,
    void (*seen)(void *ctx, const struct sample *s), void *ctx)
{
	return read_unfinished(path, meta, classes, n, seen, ctx) < 0 ? -1 : 0;
}

long shard_unfinished(const char *path, void (*seen)(void *ctx, const struct sample *s), void *ctx)
{
	return read_unfinished(path, NULL, NULL, 0, seen, ctx);
}
