#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/shard/member-name.h"
#include "formats/shard/sample.h"
#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/provenance.h"

enum { BLOCK = 512 };

struct shard_writer {
	struct out *out;
	bool out_failed; /* the sentence is out_write's */
	bool ending;     /* nothing more is written: libarchive ends an archive even when it is only
	                    freed */
	/* pax: for members whose names ustar has no room for; it is never closed, so that only the
	 * other one writes an end */
	struct archive *ustar, *pax;
	json_t *meta, *classes;
	time_t mtime;
	struct digest digest;
	long count;
	bool kept, begun;  /* an OUT_KEEP output; its __start__ is written */
	bool parts[PARTS]; /* of every sample, in a kept shard */
};

static ssize_t drain(struct archive *a, void *ctx, const void *data, size_t n)
{
	struct shard_writer *w = ctx;
	if (w->ending || out_write(w->out, data, n) == 0)
		return (ssize_t)n;
	w->out_failed = true;
	archive_set_error(a, EIO, "output failed");
	return -1;
}

static int no_member(struct shard_writer *w, struct archive *to, const char *name)
{
	const char *why = archive_error_string(to);
	return w->out_failed ? -1
	                     : fail("cannot write %s: member '%s': %s", out_name(w->out), name,
	                           why ? why : "libarchive failed");
}

/* ustar has 100 bytes for a name, and 155 more for folders in front of it. */
static bool fits_ustar(const char *name)
{
	size_t n = strlen(name);
	if (n <= 100)
		return true;
	const char *slash = strchr(name + n - 101, '/');
	return slash && slash[1] && slash - name <= 155;
}

static int put_member(struct shard_writer *w, const char *name, const void *data, size_t size)
{
	struct archive *to = fits_ustar(name) ? w->ustar : w->pax;
	struct archive_entry *e = archive_entry_new();
	archive_entry_set_pathname(e, name);
	archive_entry_set_size(e, (int64_t)size);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_mtime(e, w->mtime, 0);
	int err = archive_write_header(to, e);
	archive_entry_free(e);
	if (err != ARCHIVE_OK && err != ARCHIVE_WARN)
		return no_member(w, to, name);
	if (archive_write_data(to, data, size) != (ssize_t)size ||
	    archive_write_finish_entry(to) != ARCHIVE_OK)
		return no_member(w, to, name);
	return 0;
}

static int put_json(struct shard_writer *w, const char *name, const json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_DECIMALS);
	if (!text)
		return fail(
		    "cannot write %s: its provenance cannot be written as JSON", out_name(w->out));
	char *line = xasprintf("%s\n", text);
	int err = put_member(w, name, line, strlen(line));
	free(text);
	free(line);
	return err;
}

/* -1: fail_message. */
static int take_source_date(time_t *at)
{
	static const int64_t max = (1LL << 33) - 1; /* of a header of tar */
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	char *end = NULL;
	int64_t n = epoch ? strtoll(epoch, &end, 10) : 0;
	if (epoch && (!*epoch || *end || n < 0 || n > max))
		return fail("SOURCE_DATE_EPOCH is '%.40s'; expected seconds since 1970", epoch);
	*at = (time_t)n;
	return 0;
}

/* As readers have them, like the members. */
static json_t *name_list(const char *const *names, int n)
{
	json_t *list = names ? names_to_json(names, n) : json_null();
	char name[MEMBER_NAME_MAX + 1];
	for (int i = 0; names && i < n; i++)
		if (member_name(name, "", names[i]) == 0)
			json_array_set_new(list, (size_t)i, json_string(name));
	return list;
}

static void release(struct shard_writer *w)
{
	w->ending = true;
	archive_write_free(w->ustar);
	archive_write_free(w->pax);
	json_decref(w->meta);
	json_decref(w->classes);
	free(w);
}

/* Without blocking, what is written is where out_tell says, whichever of the two wrote it. */
static int open_archive(struct shard_writer *w, struct archive *a)
{
	archive_write_set_bytes_per_block(a, BLOCK);
	archive_write_set_bytes_in_last_block(a, 1);
	return archive_write_open(a, w, NULL, drain, NULL);
}

struct shard_writer *shard_create(struct out *out, json_t *meta, const char *const *classes, int n)
{
	struct shard_writer *w = xcalloc(1, sizeof *w);
	w->out = out;
	w->meta = meta ? meta : json_object();
	w->classes = name_list(classes, n);
	int err = take_source_date(&w->mtime);
	digest_begin(&w->digest);
	w->kept = out_kept(out);
	w->ustar = archive_write_new();
	w->pax = archive_write_new();
	archive_write_set_format_ustar(w->ustar);
	archive_write_set_format_pax_restricted(w->pax);
	if (!err &&
	    (open_archive(w, w->ustar) != ARCHIVE_OK || open_archive(w, w->pax) != ARCHIVE_OK))
		err = fail("cannot write %s: libarchive failed", out_name(out));
	if (!err)
		return w;
	fd2_shard_abandon(w);
	return NULL;
}

struct shard_writer *fd2_shard_create(
    const char *path, json_t *meta, const char *const *classes, int n)
{
	struct out *out = out_open(path, 0);
	if (out)
		return shard_create(out, meta, classes, n);
	json_decref(meta);
	return NULL;
}

/* CLASS/ID, or ID, as a reader has it: the digest is of that name. */
static int make_key(
    char key[MEMBER_NAME_MAX + 1], const struct shard_writer *w, const char *class, const char *id)
{
	char name[MEMBER_NAME_MAX + 8], base[MEMBER_NAME_MAX + 1];
	if (!*id || strpbrk(id, "./"))
		return fail("cannot write %s: invalid id '%s': ids have no dots and no slashes",
		    out_name(w->out), id);
	char *raw = class ? xasprintf("%s/%s", class, id) : xstrdup(id);
	bool valid =
	    (!class || *class) && !is_hidden(raw) && member_name(key, out_name(w->out), raw) == 0;
	free(raw);
	if (valid && snprintf(name, sizeof name, "%s.jpg", key) <= SHARD_NAME_MAX &&
	    part_of(name, base) == PART_IMAGE)
		return 0;
	return fail(
	    "cannot write %s: invalid class name '%.80s'", out_name(w->out), class ? class : id);
}

/* A kept shard begins by saying what it is made with and which parts every sample has, so that
 * complete samples are distinguished from a truncated one. */
static int begin(struct shard_writer *w, const bool *has)
{
	json_t *parts = json_array();
	for (int p = 0; p < PARTS; p++)
		if (has[p])
			json_array_append_new(parts, json_string(part_names[p]));
	json_t *start =
	    json_pack("{s:o, s:O, s:O}", "parts", parts, "classes", w->classes, "meta", w->meta);
	int err = put_json(w, SHARD_START, start);
	json_decref(start);
	memcpy(w->parts, has, sizeof w->parts);
	w->begun = true;
	return err;
}

static int put_sample(struct shard_writer *w, const struct sample *s)
{
	struct sample_sum sum;
	char name[SHARD_NAME_MAX + 8], cls[24];
	snprintf(cls, sizeof cls, "%ld", s->cls);
	const void *data[PARTS] = {s->image, s->cls >= 0 ? cls : NULL, s->npy, s->json};
	size_t size[PARTS] = {s->image_size, strlen(cls), s->npy_size, s->json_size};
	bool has[PARTS];
	for (int p = 0; p < PARTS; p++)
		has[p] = data[p];
	if (w->kept && !w->begun && begin(w, has) < 0)
		return -1;
	if (w->kept && memcmp(has, w->parts, sizeof has) != 0)
		return fail("cannot write %s: sample '%s' has other members than the first",
		    out_name(w->out), s->key);
	for (int p = 0; p < PARTS; p++) {
		snprintf(name, sizeof name, "%s.%s", s->key, part_names[p]);
		if (has[p] && put_member(w, name, data[p], size[p]) < 0)
			return -1;
	}
	sample_sum(&sum, s);
	digest_add(&w->digest, sum.lines, sum.n);
	w->count++;
	return w->kept ? out_sync(w->out) : 0;
}

int fd2_shard_add(struct shard_writer *w, const char *class, const char *id, long cls,
    const void *jpeg, size_t jpeg_size, const void *npy, size_t npy_size, const char *json)
{
	char key[MEMBER_NAME_MAX + 1];
	if (make_key(key, w, class, id) < 0)
		return -1;
	if (!jpeg || (!class && cls < 0))
		return fail("cannot write %s: sample '%s' has no %s", out_name(w->out), id,
		    jpeg ? "label" : "image");
	struct sample s = {.key = key,
	    .folder = class,
	    .cls = cls < 0 ? -1 : cls,
	    .image = jpeg,
	    .image_size = jpeg_size,
	    .npy = npy,
	    .npy_size = npy_size,
	    .json = (const uint8_t *)json,
	    .json_size = json ? strlen(json) : 0};
	return put_sample(w, &s);
}

static int put_end(struct shard_writer *w)
{
	char hex[DIGEST_HEX];
	digest_hex(hex, &w->digest);
	json_t *end = json_copy(w->meta);
	json_object_set_new(end, "format", json_string("fd2-shard"));
	json_object_set_new(end, "format_version", json_integer(SHARD_VERSION));
	json_object_set(end, "classes", w->classes);
	json_object_set_new(end, "count", json_integer(w->count));
	json_object_set_new(end, "digest", json_string(hex));
	int err = put_json(w, SHARD_END, end);
	json_decref(end);
	return err;
}

int fd2_shard_finish(struct shard_writer *w)
{
	struct out *out = w->out;
	if (put_end(w) < 0 || (archive_write_close(w->ustar) != ARCHIVE_OK &&
	                          no_member(w, w->ustar, SHARD_END) < 0)) {
		fd2_shard_abandon(w);
		return -1;
	}
	release(w);
	return out_close(out);
}

void fd2_shard_abandon(struct shard_writer *w)
{
	struct out *out = w->out;
	release(w);
	out_abandon(out);
}

/* An unfinished shard while it is read: what of it is whole. */
struct rest {
	const char *name;
	struct archive *archive;
	FILE *file;
	uint64_t size, good; /* bytes of the file, and of its whole samples */
	struct member member;
	json_t *start; /* NULL: not even that is whole */
	bool parts[PARTS];
	struct group group;
	struct digest digest;
	long count;
};

/* Where the header of a member's bytes begins: after those that hold a long name. */
static uint64_t after_long_name(struct rest *f, uint64_t at)
{
	char header[BLOCK];
	while (fseeko(f->file, (off_t)at, SEEK_SET) == 0 &&
	       fread(header, 1, BLOCK, f->file) == BLOCK && header[156] == 'x') {
		uint64_t size = strtoull(header + 124, NULL, 8);
		at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
	}
	return at;
}

/* The next member that is in the file with all its blocks. 1, or 0 when it is incomplete. */
static int next_whole(struct rest *f, uint64_t *end)
{
	struct archive_entry *e;
	struct blob *b = &f->member.data;
	if (archive_read_next_header(f->archive, &e) != ARCHIVE_OK ||
	    archive_entry_size(e) > SHARD_MEMBER_MAX)
		return 0;
	size_t size = (size_t)archive_entry_size(e);
	*end = after_long_name(f, (uint64_t)archive_read_header_position(f->archive)) + BLOCK +
	       (size + BLOCK - 1) / BLOCK * BLOCK;
	const char *name = archive_entry_pathname(e);
	if (*end > f->size || !name || strlen(name) > SHARD_NAME_MAX)
		return 0;
	strcpy(f->member.name, name);
	blob_reserve(b, size + 1);
	b->size = size;
	return archive_read_data(f->archive, b->data, size) == (ssize_t)size;
}

/* Even a file that is cut within its first member begins as ours do. */
static bool is_ours(const struct rest *f)
{
	char head[sizeof SHARD_START];
	return !memcmp(head, SHARD_START, fread(head, 1, sizeof head, f->file));
}

static int read_start(struct rest *f)
{
	uint64_t end = 0;
	const char *part;
	size_t i;
	json_t *v;
	if (!is_ours(f))
		return fail("'%s' was not started by this program; remove it", f->name);
	bool whole = next_whole(f, &end);
	if (!whole && (f->size < BLOCK || end > f->size))
		return 0; /* cut */
	if (whole)
		f->start = json_loadb((char *)f->member.data.data, f->member.data.size, 0, NULL);
	if (!json_is_object(json_object_get(f->start, "meta")))
		return fail("'%s' is damaged; remove it", f->name);
	json_array_foreach (json_object_get(f->start, "parts"), i, v)
		for (int p = 0; (part = json_string_value(v)) && p < PARTS; p++)
			f->parts[p] |= !strcmp(part, part_names[p]);
	f->good = end;
	return 0;
}

static int read_samples(struct rest *f, void (*seen)(void *, const struct sample *), void *ctx)
{
	char key[SHARD_NAME_MAX + 1];
	uint64_t end;
	struct sample s;
	struct sample_sum sum;
	while (next_whole(f, &end)) {
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
	return 0;
}

static int read_rest(struct rest *f, void (*seen)(void *, const struct sample *), void *ctx)
{
	struct stat st;
	f->file = fopen(f->name, "re");
	if (!f->file || fstat(fileno(f->file), &st))
		return fail("cannot open '%s': %s", f->name, strerror(errno));
	f->size = (uint64_t)st.st_size;
	digest_begin(&f->digest);
	f->archive = archive_read_new();
	archive_read_support_format_tar(f->archive);
	archive_read_open_filename(f->archive, f->name, BLOCK * 128);
	int err = read_start(f);
	if (!err && f->start)
		err = read_samples(f, seen, ctx);
	archive_read_free(f->archive);
	fclose(f->file);
	free(f->member.data.data);
	group_free(&f->group);
	return err;
}

/* Continues after the complete samples. The settings stay as they were first written, so that the
 * result is the same as without the break. */
static struct shard_writer *go_on(
    const char *path, struct rest *f, json_t *meta, const char *const *classes, int n)
{
	struct out *out = out_resume(path, f->good);
	struct shard_writer *w =
	    out ? shard_create(out,
	              json_incref(f->start ? json_object_get(f->start, "meta") : meta), classes, n)
	        : NULL;
	if (!w)
		return NULL;
	w->begun = f->start;
	w->digest = f->digest;
	w->count = f->count;
	memcpy(w->parts, f->parts, sizeof w->parts);
	return w;
}

static int same_settings(
    const struct rest *f, const json_t *meta, const char *const *classes, int n)
{
	if (!f->start)
		return 0;
	json_t *list = name_list(classes, n);
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
	struct rest f = {.name = part};
	struct shard_writer *w = NULL;
	if (access(part, F_OK)) {
		struct out *out = out_open(path, OUT_KEEP);
		w = out ? shard_create(out, json_incref(meta), classes, n) : NULL;
	} else if (read_rest(&f, seen, ctx) == 0 && same_settings(&f, meta, classes, n) == 0) {
		w = go_on(path, &f, meta, classes, n);
	}
	json_decref(f.start);
	json_decref(meta);
	free(part);
	return w;
}

/* meta NULL: with any settings */
static long read_unfinished(const char *path, const json_t *meta, const char *const *classes, int n,
    void (*seen)(void *ctx, const struct sample *s), void *ctx)
{
	char *part = out_part_name(path);
	struct rest f = {.name = part};
	int err = access(part, F_OK) ? 0 : read_rest(&f, seen, ctx);
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
