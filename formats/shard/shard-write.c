#include "formats/shard/shard-writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/shard/member-name.h"
#include "formats/shard/sample.h"
#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/provenance.h"

struct shard_writer {
	struct out *out;
	bool out_failed; /* out_write set the message */
	bool ending;     /* discard further output: libarchive ends an archive even if it is only
	                    freed */
	/* pax: for members whose names are too long for ustar; it is never closed, so that only
	 * ustar writes an end */
	struct archive *ustar, *pax;
	json_t *meta, *classes;
	time_t mtime;
	struct digest digest;
	long count;
	bool kept, begun;  /* it is an OUT_KEEP output; its __start__ is written */
	bool parts[PARTS]; /* those that every sample of a kept shard has */
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

/* Returns whether a name fits ustar, which has 100 bytes, and 155 more for leading folders. */
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
	size_t size = strlen(line);
	int err = size > SHARD_META_MAX ? fail("cannot write %s: its %s is larger than 16 MiB",
	                                      out_name(w->out), name)
	                                : put_member(w, name, line, size);
	free(text);
	free(line);
	return err;
}

/* Sets *at from SOURCE_DATE_EPOCH. -1: fail_message. */
static int take_source_date(time_t *at)
{
	static const int64_t max = (1LL << 33) - 1; /* fits a tar header */
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	char *end = NULL;
	int64_t n = epoch ? strtoll(epoch, &end, 10) : 0;
	if (epoch && (!*epoch || *end || n < 0 || n > max))
		return fail("SOURCE_DATE_EPOCH is '%.40s'; expected seconds since 1970", epoch);
	*at = (time_t)n;
	return 0;
}

json_t *shard_name_list(const char *const *names, int n)
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

/* Opens one of the two archives, unbuffered, to keep members in order and out_tell right. */
static int open_archive(struct shard_writer *w, struct archive *a)
{
	archive_write_set_bytes_per_block(a, SHARD_BLOCK);
	archive_write_set_bytes_in_last_block(a, 1);
	return archive_write_open(a, w, NULL, drain, NULL);
}

struct shard_writer *shard_create(struct out *out, json_t *meta, const char *const *classes, int n)
{
	struct shard_writer *w = xcalloc(1, sizeof *w);
	w->out = out;
	w->meta = meta ? meta : json_object();
	w->classes = shard_name_list(classes, n);
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

void shard_go_on(
    struct shard_writer *w, const bool parts[PARTS], const struct digest *d, long count)
{
	memcpy(w->parts, parts, sizeof w->parts);
	w->begun = true;
	w->digest = *d;
	w->count = count;
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

/* Makes the key CLASS/ID, or ID, as readers normalise it; the digest uses that name. */
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

/* Begins a kept shard with its settings and the parts that every sample has, which tell complete
 * samples from a truncated one. */
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
	for (int p = 0; p < PARTS; p++) {
		has[p] = data[p];
		if (has[p] && size[p] > SHARD_MEMBER_MAX)
			return fail("cannot write %s: '%s.%s' is larger than 256 MiB",
			    out_name(w->out), s->key, part_names[p]);
	}
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
