#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/shard-digest.h"
#include "formats/shard.h"
#include "lib/base/err.h"

struct shard_writer {
	struct out *out;
	struct archive *archive;
	json_t *meta; /* of __fd2__, but for count and digest */
	long members, samples;
	struct shard_digest digest;
};

/* --- members ------------------------------------------------------------------------------------------------------------------ */

static la_ssize_t write_callback(struct archive *a, void *ctx, const void *data, size_t n)
{
	struct shard_writer *w = ctx;
	if (out_write(w->out, data, n) < 0) {
		archive_set_error(a, EIO, "%s", fail_message());
		return -1;
	}
	return (la_ssize_t)n;
}

static long timestamp(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	return epoch ? atol(epoch) : 0;
}

static int put(struct shard_writer *w, const char *name, const void *data, size_t size)
{
	struct archive_entry *e = archive_entry_new();
	archive_entry_set_pathname(e, name);
	archive_entry_set_size(e, (la_int64_t)size);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_mtime(e, timestamp(), 0);
	int ok = archive_write_header(w->archive, e);
	archive_entry_free(e);
	if (ok >= ARCHIVE_WARN && size && archive_write_data(w->archive, data, size) != (la_ssize_t)size)
		ok = ARCHIVE_FATAL;
	if (ok >= ARCHIVE_WARN)
		ok = archive_write_finish_entry(w->archive);
	if (ok >= ARCHIVE_WARN)
		return 0;
	const char *why = archive_error_string(w->archive);
	return fail("%s", why ? why : "cannot write the archive");
}

static struct shard_writer *new_writer(struct out *out, json_t *meta, const char *const *classes, int n)
{
	struct shard_writer *w = xcalloc(1, sizeof *w);
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_string(classes[i]));
	json_object_set_new(meta, "format", json_string("fd2-shard"));
	json_object_set_new(meta, "format_version", json_integer(1));
	if (classes)
		json_object_set(meta, "classes", list);
	json_decref(list);
	w->out = out;
	w->meta = meta;
	shard_digest_init(&w->digest);
	w->archive = archive_write_new();
	archive_write_set_format_pax_restricted(w->archive); /* ustar where names fit */
	archive_write_set_bytes_per_block(w->archive, 512);
	archive_write_set_bytes_in_last_block(w->archive, 1);
	archive_write_open(w->archive, w, NULL, write_callback, NULL);
	return w;
}

static void release(struct shard_writer *w)
{
	archive_write_free(w->archive);
	json_decref(w->meta);
	free(w);
}

/* The settings stand first too, so that an unfinished shard says what it was going to be. */
static int put_start(struct shard_writer *w)
{
	char *text = json_dumps(w->meta, JSON_COMPACT | JSON_SORT_KEYS);
	int ok = put(w, "__start__", text, strlen(text));
	free(text);
	return ok;
}

struct shard_writer *shard_create(struct out *out, json_t *meta, const char *const *classes, int n)
{
	struct shard_writer *w = new_writer(out, meta, classes, n);
	if (put_start(w) == 0)
		return w;
	shard_abandon(w);
	return NULL;
}

static int put_part(struct shard_writer *w, const char *class, const char *id, const char *extension, const void *data, size_t size)
{
	if (!data)
		return 0;
	char *name = xasprintf("%s/%s.%s", class, id, extension);
	int ok = put(w, name, data, size);
	free(name);
	return ok;
}

/* .cls comes last: a sample is whole when its .cls is. */
int shard_add(struct shard_writer *w, const char *class, const char *id, long cls, const void *jpeg, size_t jpeg_size, const void *npy,
    size_t npy_size, const char *json)
{
	char number[32] = "";
	if (strchr(id, '.') || strchr(id, '/') || !*id || !*class)
		return fail("'%s/%s' cannot be a sample's name: ids have neither dots nor slashes", class, id);
	if (cls >= 0)
		snprintf(number, sizeof number, "%ld", cls);
	struct sample s = {.class = class, .cls = cls, .image = jpeg, .image_size = jpeg_size, .npy = npy, .npy_size = npy ? npy_size : 0,
	    .json = (const uint8_t *)json, .json_size = json ? strlen(json) : 0};
	char *key = xasprintf("%s/%s", class, id);
	s.key = key;
	shard_digest_add(&w->digest, &s);
	free(key);
	w->samples++;
	if (put_part(w, class, id, "jpg", jpeg, jpeg_size) < 0 || put_part(w, class, id, "npy", npy, s.npy_size) < 0 ||
	    put_part(w, class, id, "json", json, s.json_size) < 0 || put_part(w, class, id, "cls", *number ? number : NULL, strlen(number)) < 0)
		return -1;
	return out_sync(w->out);
}

int shard_finish(struct shard_writer *w)
{
	char digest[17];
	shard_digest_text(&w->digest, digest);
	json_object_set_new(w->meta, "samples", json_integer(w->samples));
	json_object_set_new(w->meta, "digest", json_string(digest));
	char *text = json_dumps(w->meta, JSON_COMPACT | JSON_SORT_KEYS);
	int ok = put(w, "__fd2__", text, strlen(text));
	free(text);
	if (!ok && archive_write_close(w->archive) != ARCHIVE_OK)
		ok = fail("%s", archive_error_string(w->archive));
	struct out *out = w->out;
	if (ok < 0) {
		shard_abandon(w);
		return -1;
	}
	release(w);
	return out_close(out);
}

void shard_abandon(struct shard_writer *w)
{
	struct out *out = w->out;
	archive_write_fail(w->archive);
	release(w);
	out_abandon(out);
}

/* --- resuming ------------------------------------------------------------------------------------------------------------------ */

/* What a look through PATH.part finds. */
struct partial {
	json_t *start;     /* __start__, NULL when cut before its end */
	uint64_t size;     /* bytes up to the end of the last whole sample */
	struct sample now; /* being gathered */
	char *key;
	void *image, *npy, *json;
};

static void forget(struct partial *p)
{
	free(p->key);
	free(p->image);
	free(p->npy);
	free(p->json);
	p->key = p->image = p->npy = p->json = NULL;
	p->now = (struct sample){.cls = -1};
}

static void *whole_member(struct archive *a, struct archive_entry *e, size_t *size)
{
	*size = (size_t)archive_entry_size(e);
	if (*size > SHARD_MEMBER_MAX)
		return NULL;
	char *data = xmalloc(*size + 1);
	size_t at = 0;
	while (at < *size) {
		la_ssize_t got = archive_read_data(a, data + at, *size - at);
		if (got <= 0) {
			free(data);
			return NULL;
		}
		at += (size_t)got;
	}
	data[*size] = '\0';
	return data;
}

static void gather(struct partial *p, const char *name, void *data, size_t size)
{
	const char *dot = strrchr(name, '.');
	char *key = dot ? xasprintf("%.*s", (int)(dot - name), name) : xstrdup(name);
	if (!p->key || strcmp(p->key, key)) {
		forget(p);
		p->key = xstrdup(key);
	}
	free(key);
	p->now.key = p->key;
	if (dot && !strcmp(dot, ".jpg")) {
		p->now.image = p->image = data;
		p->now.image_size = size;
	} else if (dot && !strcmp(dot, ".npy")) {
		p->now.npy = p->npy = data;
		p->now.npy_size = size;
	} else if (dot && !strcmp(dot, ".json")) {
		p->now.json = p->json = data;
		p->now.json_size = size;
	} else {
		p->now.cls = atol(data);
		free(data);
	}
}

/* Offsets are those of the file: a member ends at the next multiple of 512 after its data. */
static uint64_t member_end(struct archive *a, size_t size)
{
	return (uint64_t)archive_read_header_position(a) + 512 + (size + 511) / 512 * 512;
}

static void look_through(struct partial *p, struct archive *a, uint64_t file_size, struct shard_writer *w,
    void (*seen)(void *ctx, const struct sample *s), void *ctx)
{
	struct archive_entry *e;
	while (archive_read_next_header(a, &e) >= ARCHIVE_WARN) {
		const char *name = archive_entry_pathname(e);
		size_t size;
		void *data = whole_member(a, e, &size);
		if (!data || member_end(a, size) > file_size) {
			free(data);
			break;
		}
		if (!strcmp(name, "__start__")) {
			p->start = json_loads(data, 0, NULL);
			p->size = member_end(a, size);
			free(data);
			continue;
		}
		if (!strcmp(name, "__fd2__")) {
			free(data);
			break;
		}
		gather(p, name, data, size);
		if (p->now.cls >= 0 && p->now.image) {
			p->size = member_end(a, size);
			shard_digest_add(&w->digest, &p->now);
			w->samples++;
			seen(ctx, &p->now);
			forget(p);
		}
	}
	forget(p);
}

/* The first setting that differs, by name. */
static int other_settings(const char *part, json_t *was, json_t *now)
{
	json_t *a = json_object_get(was, "options"), *b = json_object_get(now, "options"), *value;
	const char *key;
	json_object_foreach (b, key, value)
		if (!json_equal(json_object_get(a, key), value))
			return fail("cannot resume '%s': it was made with another --%s", part, key);
	return fail("cannot resume '%s': it was made from other inputs or by another version", part);
}

static int read_part(struct partial *p, const char *part, struct shard_writer *w, void (*seen)(void *ctx, const struct sample *s), void *ctx)
{
	struct stat st;
	struct archive *a = archive_read_new();
	archive_read_support_format_tar(a);
	if (stat(part, &st) || archive_read_open_filename(a, part, 64 << 10) != ARCHIVE_OK)
		st.st_size = 0; /* shorter than one header */
	else
		look_through(p, a, (uint64_t)st.st_size, w, seen, ctx);
	archive_read_free(a);
	return p->start && !json_equal(p->start, w->meta) ? other_settings(part, p->start, w->meta) : 0;
}

struct shard_writer *shard_resume(const char *path, json_t *meta, const char *const *classes, int n,
    void (*seen)(void *ctx, const struct sample *s), void *ctx)
{
	char *part = out_part_name(path);
	struct partial p = {.now = {.cls = -1}};
	struct shard_writer *w = new_writer(NULL, meta, classes, n);
	bool exists = !access(part, F_OK);
	int ok = exists ? read_part(&p, part, w, seen, ctx) : 0;
	bool go_on = exists && p.start;
	if (!ok) {
		w->out = go_on ? out_resume(path, p.size) : out_open(path, OUT_KEEP);
		ok = !w->out ? -1 : go_on ? 0 : put_start(w);
	}
	json_decref(p.start);
	free(part);
	if (!ok)
		return w;
	if (w->out) {
		shard_abandon(w);
	} else {
		archive_write_fail(w->archive);
		release(w);
	}
	return NULL;
}
