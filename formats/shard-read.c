#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/shard-digest.h"
#include "formats/shard.h"
#include "lib/base/err.h"

enum { BLOCK = 256 << 10, RATIO_MAX = 1000, SLACK = 64 << 20 };

/* A member as read; data is the reader's. */
struct member {
	char *name; /* without "./" */
	uint8_t *data;
	size_t size;
};

/* The parts of the sample that is being gathered. */
struct gathered {
	char *key, *class;
	bool has_cls;
	long cls;
	uint8_t *image, *npy, *json;
	size_t image_size, npy_size, json_size;
};

struct shard_reader {
	char **paths;
	int n, at; /* paths; the one being read */
	/* the open archive */
	struct archive *archive;
	int fd;
	uint8_t *block;
	size_t peeked;      /* bytes of `block` read before libarchive asked */
	uint64_t taken_in;  /* bytes from the file */
	uint64_t given_out; /* bytes of members */
	/* or the open folder, as a list of files */
	char **files;
	int n_files, file;
	struct gathered next, now;
	bool ended;
	long samples, counted; /* in all; at the last __fd2__ */
	void *keys;            /* tree of all keys */
	char **folders;        /* distinct class folders */
	int n_folders;
	bool named;            /* some sample has a folder */
	json_t *meta;
	const char **classes;
	int n_classes;
	struct shard_digest digest;
	struct shard_digest part; /* of the samples since the last __fd2__ */
	char digest_text[17];
};

/* --- paths ---------------------------------------------------------------------------------------------------------------------- */

static void add_path(struct shard_reader *r, char *path)
{
	r->paths = xrealloc(r->paths, (size_t)r->n + 1, sizeof *r->paths);
	r->paths[r->n++] = path;
}

/* "x-{000..009}.tar" becomes ten names; anything else is itself. */
static int add_range(struct shard_reader *r, const char *path)
{
	const char *open = strchr(path, '{'), *dots = open ? strstr(open, "..") : NULL, *close = dots ? strchr(dots, '}') : NULL;
	char *end;
	if (!close) {
		add_path(r, xstrdup(path));
		return 0;
	}
	long first = strtol(open + 1, &end, 10);
	if (end != dots)
		return fail("'%s' is no range: {000..009} is meant", path);
	long last = strtol(dots + 2, &end, 10);
	if (end != close || last < first || last - first > 1000000)
		return fail("'%s' is no range: {000..009} is meant", path);
	for (long i = first; i <= last; i++)
		add_path(r, xasprintf("%.*s%0*ld%s", (int)(open - path), path, (int)(dots - open - 1), i, close + 1));
	return 0;
}

static const char *path_of(const struct shard_reader *r)
{
	return !strcmp(r->paths[r->at], "-") ? "standard input" : r->paths[r->at];
}

struct shard_reader *shard_open(char *const *paths, int n)
{
	struct shard_reader *r = xcalloc(1, sizeof *r);
	int ok = 0;
	r->fd = -1;
	r->at = -1;
	shard_digest_init(&r->digest);
	shard_digest_init(&r->part);
	if (!n)
		add_path(r, xstrdup("-"));
	for (int i = 0; i < n && !ok; i++)
		ok = add_range(r, paths[i]);
	for (int i = 0; i < r->n && !ok; i++)
		if (strcmp(r->paths[i], "-") && access(r->paths[i], R_OK))
			ok = fail("cannot open '%s': %s", r->paths[i], strerror(errno));
	if (!ok)
		return r;
	shard_close(r);
	return NULL;
}

/* --- folders -------------------------------------------------------------------------------------------------------------------- */

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void list_folder(struct shard_reader *r, const char *root)
{
	struct dirent **classes, **files;
	int n = scandir(root, &classes, visible, alphasort);
	for (int i = 0; i < n; i++) {
		char *folder = xasprintf("%s/%s", root, classes[i]->d_name);
		int m = scandir(folder, &files, visible, alphasort);
		for (int k = 0; k < m; k++) {
			r->files = xrealloc(r->files, (size_t)r->n_files + 1, sizeof *r->files);
			r->files[r->n_files++] = xasprintf("%s/%s", classes[i]->d_name, files[k]->d_name);
			free(files[k]);
		}
		if (m >= 0)
			free(files);
		free(folder);
		free(classes[i]);
	}
	if (n >= 0)
		free(classes);
}

static void close_source(struct shard_reader *r)
{
	if (r->archive)
		archive_read_free(r->archive);
	if (r->fd > STDIN_FILENO)
		close(r->fd);
	for (int i = 0; i < r->n_files; i++)
		free(r->files[i]);
	free(r->files);
	r->archive = NULL;
	r->files = NULL;
	r->n_files = r->file = 0;
	r->fd = -1;
}

/* Reads one file of the folder whole. */
static int read_file(struct shard_reader *r, struct member *m)
{
	m->name = xstrdup(r->files[r->file]);
	char *path = xasprintf("%s/%s", r->paths[r->at], r->files[r->file++]);
	int fd = open(path, O_RDONLY | O_CLOEXEC), ok = 1;
	struct stat st;
	if (fd < 0 || fstat(fd, &st))
		ok = fail("cannot read '%s': %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_size > SHARD_MEMBER_MAX)
		ok = fail("cannot read '%s': not a file of at most 256 MiB", path);
	if (ok > 0) {
		m->data = xmalloc((size_t)st.st_size + 1);
		ssize_t got;
		while (m->size < (size_t)st.st_size && (got = read(fd, m->data + m->size, (size_t)st.st_size - m->size)) > 0)
			m->size += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return ok;
}

/* --- archives ------------------------------------------------------------------------------------------------------------------- */

static ssize_t read_block(struct shard_reader *r, size_t from)
{
	ssize_t got;
	do
		got = read(r->fd, r->block + from, BLOCK - from);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		r->taken_in += (uint64_t)got;
	return got;
}

static la_ssize_t read_callback(struct archive *a, void *ctx, const void **data)
{
	struct shard_reader *r = ctx;
	*data = r->block;
	if (r->peeked) {
		size_t n = r->peeked;
		r->peeked = 0;
		return (la_ssize_t)n;
	}
	ssize_t got = read_block(r, 0);
	if (got < 0)
		archive_set_error(a, errno, "%s", strerror(errno));
	return got;
}

static bool starts(const struct shard_reader *r, const char *magic, size_t n)
{
	return r->peeked >= n && !memcmp(r->block, magic, n);
}

static bool is_text(const struct shard_reader *r)
{
	size_t n = r->peeked < 512 ? r->peeked : 512;
	for (size_t i = 0; i < n; i++)
		if (!isprint(r->block[i]) && !isspace(r->block[i]) && r->block[i] < 0x80)
			return false;
	return true;
}

/* What the input is instead of a tar, from its first bytes; NULL when it may be one. */
static const char *not_a_tar(const struct shard_reader *r)
{
	bool ustar = r->peeked > 262 && !memcmp(r->block + 257, "ustar", 5);
	bool packed = starts(r, "\x1f\x8b", 2) || starts(r, "\xfd" "7zXZ", 5) || starts(r, "\x28\xb5\x2f\xfd", 4) || starts(r, "BZh", 3);
	if (ustar || packed)
		return NULL;
	if (starts(r, "\x84\xa6" "format\xaa" "fd2-stream", 18))
		return "a tensor stream";
	if (starts(r, "\xff\xd8\xff", 3))
		return "a JPEG image";
	if (starts(r, "PK\x03\x04", 4))
		return "a zip archive";
	if (is_text(r))
		return "a text file";
	if (r->peeked < 512)
		return "shorter than one tar header";
	return NULL;
}

/* The first block is read before libarchive sees it, to say what a wrong input is. */
static int peek(struct shard_reader *r)
{
	ssize_t got = 1;
	while (r->peeked < 1024 && (got = read_block(r, r->peeked)) > 0)
		r->peeked += (size_t)got;
	if (got < 0)
		return fail("cannot read '%s': %s", path_of(r), strerror(errno));
	if (!r->peeked)
		return fail("'%s' is empty; an image shard is wanted here", path_of(r));
	const char *what = not_a_tar(r);
	return what ? fail("'%s' is %s; an image shard (tar) is wanted here", path_of(r), what) : 0;
}

static int archive_failed(struct shard_reader *r)
{
	const char *why = archive_error_string(r->archive);
	if (why && strstr(why, "Unrecognized"))
		return fail("'%s' is not a tar archive", path_of(r));
	if (why && strstr(why, "runcated"))
		return fail("'%s' is cut short", path_of(r));
	return fail("cannot read '%s': %s", path_of(r), why ? why : "damaged archive");
}

static int open_archive(struct shard_reader *r)
{
	if (!r->block)
		r->block = xmalloc(BLOCK);
	r->peeked = 0;
	r->taken_in = r->given_out = 0;
	if (peek(r) < 0)
		return -1;
	r->archive = archive_read_new();
	archive_read_support_filter_all(r->archive);
	archive_read_support_format_tar(r->archive);
	archive_read_set_options(r->archive, "tar:read_concatenated_archives");
	return archive_read_open(r->archive, r, NULL, read_callback, NULL) < ARCHIVE_WARN ? archive_failed(r) : 0;
}

static int open_next(struct shard_reader *r)
{
	struct stat st;
	const char *path = r->paths[++r->at];
	bool standard = !strcmp(path, "-");
	if (!standard && !stat(path, &st) && S_ISDIR(st.st_mode)) {
		list_folder(r, path);
		return r->n_files ? 0 : fail("'%s' holds no class folders with files", path);
	}
	r->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return fail("cannot open '%s': %s", path, strerror(errno));
	return open_archive(r);
}

/* A tar cut between two members looks like a whole one to libarchive; but then its two end blocks have not been read. */
static int end_of_archive(struct shard_reader *r)
{
	if (archive_read_header_position(r->archive) + 1024 > archive_filter_bytes(r->archive, 0))
		return fail("'%s' is cut short: it has no end blocks", path_of(r));
	return 0;
}

static bool unsafe(const char *name)
{
	if (*name == '/' || strlen(name) > SHARD_NAME_MAX)
		return true;
	for (const char *p = name; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
		if (!strncmp(p, "..", 2) && (p[2] == '/' || !p[2]))
			return true;
	return false;
}

/* Memory follows the data that arrive, not the size that the header claims. */
static int read_data(struct shard_reader *r, struct member *m)
{
	size_t cap = 0;
	for (;;) {
		if (m->size == cap) {
			cap = cap ? 2 * cap : 64 << 10;
			m->data = xrealloc(m->data, cap + 1, 1);
		}
		la_ssize_t got = archive_read_data(r->archive, m->data + m->size, cap - m->size);
		if (got < 0) {
			archive_failed(r);
			return fail("%s (in member '%s')", fail_message(), m->name);
		}
		if (!got)
			break;
		m->size += (size_t)got;
		r->given_out += (uint64_t)got;
		if (m->size > SHARD_MEMBER_MAX)
			return fail("member '%s' of '%s' is larger than 256 MiB", m->name, path_of(r));
		if (r->given_out > r->taken_in * RATIO_MAX + SLACK)
			return fail("'%s' unpacks to over %d times its size", path_of(r), RATIO_MAX);
	}
	return 1;
}

/* 1: *m filled; 0: end of this archive; -1. Links, folders and devices are passed over. */
static int read_entry(struct shard_reader *r, struct member *m)
{
	struct archive_entry *e;
	for (;;) {
		int got = archive_read_next_header(r->archive, &e);
		if (got == ARCHIVE_EOF)
			return end_of_archive(r);
		if (got < ARCHIVE_WARN)
			return archive_failed(r);
		const char *name = archive_entry_pathname(e);
		if (!name)
			return fail("'%s' has a member without a name", path_of(r));
		if (unsafe(name))
			return fail("'%s' has a member with an unsafe name, '%.80s'", path_of(r), name);
		if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
			continue;
		if (archive_entry_size(e) > SHARD_MEMBER_MAX)
			return fail("member '%s' of '%s' is larger than 256 MiB", name, path_of(r));
		while (!strncmp(name, "./", 2))
			name += 2;
		m->name = xstrdup(name);
		return read_data(r, m);
	}
}

/* The next member of any source; 0 after the last. */
static int next_member(struct shard_reader *r, struct member *m)
{
	for (;;) {
		*m = (struct member){0};
		int got = 0;
		if (r->archive)
			got = read_entry(r, m);
		else if (r->file < r->n_files)
			got = read_file(r, m);
		if (got)
			return got;
		close_source(r);
		if (r->at + 1 >= r->n)
			return 0;
		if (open_next(r) < 0)
			return -1;
	}
}

/* --- __fd2__ -------------------------------------------------------------------------------------------------------------------- */

static int same_classes(struct shard_reader *r, json_t *was, json_t *now)
{
	for (size_t i = 0; i < json_array_size(was) && i < json_array_size(now); i++)
		if (!json_equal(json_array_get(was, i), json_array_get(now, i)))
			return fail("'%s' has another class list than the shards before it: class %zu is '%s', not '%s'", path_of(r), i,
			    json_string_value(json_array_get(now, i)), json_string_value(json_array_get(was, i)));
	return json_array_size(was) == json_array_size(now) ? 0
							    : fail("'%s' has another class list than the shards before it: %zu classes, not %zu",
								  path_of(r), json_array_size(now), json_array_size(was));
}

static int take_meta(struct shard_reader *r, const struct member *m)
{
	json_t *meta = m->size <= SHARD_META_MAX ? json_loadb((const char *)m->data, m->size, 0, NULL) : NULL, *old = r->meta;
	json_int_t samples = -1;
	const char *digest = NULL, *format = NULL;
	char found[17];
	json_unpack(meta, "{s?I, s?s, s?s}", "samples", &samples, "digest", &digest, "format", &format);
	shard_digest_text(&r->part, found);
	int ok = 0;
	long here = r->samples - r->counted;
	if (!json_is_object(meta) || !format || strcmp(format, "fd2-shard"))
		ok = fail("member '__fd2__' of '%s' is damaged", path_of(r));
	else if (samples != here)
		ok = fail("'%s' holds %ld samples where its __fd2__ says %lld", path_of(r), here, (long long)samples);
	else if (digest && strcmp(digest, found))
		ok = fail("'%s' is not what was written: its samples have digest %s where its __fd2__ says %s", path_of(r), found, digest);
	json_t *list = json_object_get(meta, "classes");
	if (!ok && json_is_array(list) && old && json_object_get(old, "classes"))
		ok = same_classes(r, json_object_get(old, "classes"), list);
	if (ok < 0) {
		json_decref(meta);
		return -1;
	}
	json_decref(old);
	r->meta = meta;
	r->counted += here;
	shard_digest_init(&r->part);
	return 0;
}

/* --- samples -------------------------------------------------------------------------------------------------------------------- */

static void gathered_free(struct gathered *g)
{
	free(g->key);
	free(g->class);
	free(g->image);
	free(g->npy);
	free(g->json);
	*g = (struct gathered){.cls = -1};
}

static struct sample as_sample(const struct shard_reader *r, const struct gathered *g)
{
	return (struct sample){.shard = path_of(r), .key = g->key, .class = g->class, .cls = g->has_cls ? g->cls : -1, .image = g->image,
	    .image_size = g->image_size, .npy = g->npy, .npy_size = g->npy_size, .json = g->json, .json_size = g->json_size};
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int remember_key(struct shard_reader *r, const char *key)
{
	char *copy = xstrdup(key), **found = tsearch(copy, &r->keys, compare);
	if (*found == copy)
		return 0;
	free(copy);
	return fail("'%s' of '%s' comes a second time; members of one sample must be neighbours (tar --sort=name makes them so)", key, path_of(r));
}

static void remember_folder(struct shard_reader *r, const char *class)
{
	for (int i = r->n_folders - 1; i >= 0; i--)
		if (!strcmp(r->folders[i], class))
			return;
	r->folders = xrealloc(r->folders, (size_t)r->n_folders + 1, sizeof *r->folders);
	r->folders[r->n_folders++] = xstrdup(class);
}

/* "a/b/name" -> "b"; NULL without a folder. */
static char *folder_of(const char *key)
{
	const char *slash = strrchr(key, '/'), *begin = slash;
	if (!slash)
		return NULL;
	while (begin > key && begin[-1] != '/')
		begin--;
	return xasprintf("%.*s", (int)(slash - begin), begin);
}

/* Ends the sample being gathered: 1 when it is one, 0 when there was nothing to it. */
static int complete(struct shard_reader *r)
{
	struct gathered *g = &r->next;
	if (!g->key)
		return 0;
	if (!g->image) {
		if (g->has_cls)
			return fail("'%s.cls' of '%s' has no image beside it", g->key, path_of(r));
		gathered_free(g);
		return 0;
	}
	if (!g->class && !g->has_cls)
		return fail("member '%s' of '%s' has no label: neither a folder nor a .cls", g->key, path_of(r));
	return 1;
}

static bool same_suffix(const char *suffix, const char *one, const char *other)
{
	return !strcasecmp(suffix, one) || !strcasecmp(suffix, other);
}

static bool foreign_image(const char *suffix)
{
	static const char *const known[] = {"png", "webp", "bmp", "gif", "tif", "tiff", "ppm", "pgm", "jp2", "heic", "avif"};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcasecmp(suffix, known[i]))
			return true;
	return false;
}

static int take_cls(struct shard_reader *r, struct gathered *g, const struct member *m)
{
	char text[32] = "", *end;
	memcpy(text, m->data, m->size < sizeof text - 1 ? m->size : sizeof text - 1);
	g->cls = strtol(text, &end, 10);
	g->has_cls = true;
	bool number = isdigit((unsigned char)*text) && (!*end || isspace((unsigned char)*end)) && g->cls < 1000000;
	return number ? 0 : fail("member '%s' of '%s' is no class number", m->name, path_of(r));
}

/* Moves the member's data to its place; a second one of the same kind is an error. */
static int place(struct shard_reader *r, struct member *m, uint8_t **data, size_t *size)
{
	if (*data)
		return fail("'%s' of '%s' comes twice in one sample", m->name, path_of(r));
	*data = m->data;
	*size = m->size;
	m->data = NULL;
	return 0;
}

static int take_part(struct shard_reader *r, struct member *m, const char *suffix)
{
	struct gathered *g = &r->next;
	if (same_suffix(suffix, "jpg", "jpeg"))
		return place(r, m, &g->image, &g->image_size);
	if (!strcasecmp(suffix, "npy"))
		return place(r, m, &g->npy, &g->npy_size);
	if (!strcasecmp(suffix, "json"))
		return place(r, m, &g->json, &g->json_size);
	if (!strcasecmp(suffix, "cls"))
		return take_cls(r, g, m);
	return 0;
}

static void hand_over(struct shard_reader *r)
{
	gathered_free(&r->now);
	r->now = r->next;
	r->next = (struct gathered){.cls = -1};
	struct sample s = as_sample(r, &r->now);
	shard_digest_add(&r->digest, &s);
	shard_digest_add(&r->part, &s);
	r->samples++;
	if (r->now.class) {
		r->named = true;
		remember_folder(r, r->now.class);
	}
}

/* 1: the sample before this member is handed over; 0: go on; -1. */
static int take(struct shard_reader *r, struct member *m)
{
	const char *slash = strrchr(m->name, '/'), *base = slash ? slash + 1 : m->name, *dot = strrchr(base, '.');
	if (!slash && !strncmp(base, "__", 2)) {
		if (strcmp(base, "__fd2__"))
			return 0;
		int done = complete(r);
		if (done > 0)
			hand_over(r);
		return done < 0 || take_meta(r, m) < 0 ? -1 : done;
	}
	if (*base == '.' || !dot)
		return 0;
	if (foreign_image(dot + 1))
		return fail("member '%s' of '%s' is not a JPEG; convert it first", m->name, path_of(r));
	char *key = xasprintf("%.*s", (int)(dot - m->name), m->name);
	int done = 0;
	if (!r->next.key || strcmp(r->next.key, key)) {
		done = complete(r);
		if (done > 0)
			hand_over(r);
		gathered_free(&r->next);
		r->next.key = key;
		r->next.class = folder_of(key);
		if (done >= 0 && remember_key(r, key) < 0)
			done = -1;
	} else {
		free(key);
	}
	return done < 0 || take_part(r, m, dot + 1) < 0 ? -1 : done;
}

/* --- the end -------------------------------------------------------------------------------------------------------------------- */

static int from_meta(struct shard_reader *r, json_t *list)
{
	r->n_classes = (int)json_array_size(list);
	r->classes = xcalloc((size_t)r->n_classes + 1, sizeof *r->classes);
	for (int i = 0; i < r->n_classes; i++) {
		r->classes[i] = json_string_value(json_array_get(list, (size_t)i));
		if (!r->classes[i])
			return fail("the class list of '%s' is damaged", path_of(r));
	}
	for (int i = 0; i < r->n_folders; i++) {
		int known = 0;
		for (int k = 0; k < r->n_classes; k++)
			known |= !strcmp(r->classes[k], r->folders[i]);
		if (!known)
			return fail("class '%s' is not in the class list of '%s'", r->folders[i], path_of(r));
	}
	return 0;
}

static int end(struct shard_reader *r)
{
	r->at = r->n - 1;
	if (!r->samples)
		return fail("'%s' holds not one image", path_of(r));
	if (r->meta && r->counted != r->samples && r->n == 1)
		return fail("'%s' has samples behind its __fd2__", path_of(r));
	r->ended = true;
	shard_digest_text(&r->digest, r->digest_text);
	json_t *list = json_object_get(r->meta, "classes");
	if (json_is_array(list))
		return from_meta(r, list);
	if (!r->named)
		return 0;
	qsort(r->folders, (size_t)r->n_folders, sizeof *r->folders, by_name);
	r->n_classes = r->n_folders;
	r->classes = xcalloc((size_t)r->n_classes, sizeof *r->classes);
	memcpy(r->classes, r->folders, (size_t)r->n_folders * sizeof *r->folders);
	return 0;
}

int shard_next(struct shard_reader *r, struct sample *s)
{
	if (r->ended)
		return 0;
	for (;;) {
		struct member m;
		int got = next_member(r, &m), done = 0;
		if (got > 0)
			done = take(r, &m);
		free(m.name);
		free(m.data);
		if (got < 0 || done < 0)
			return -1;
		if (!got) {
			r->at = r->n - 1;
			done = complete(r);
			if (done <= 0)
				return done < 0 ? -1 : end(r);
			hand_over(r);
		}
		if (done) {
			*s = as_sample(r, &r->now);
			return 1;
		}
	}
}

json_t *shard_meta(struct shard_reader *r)
{
	return r->meta;
}

const char *const *shard_classes(struct shard_reader *r, int *n)
{
	*n = r->n_classes;
	return r->classes;
}

const char *shard_digest(struct shard_reader *r)
{
	return r->digest_text;
}

void shard_close(struct shard_reader *r)
{
	close_source(r);
	gathered_free(&r->next);
	gathered_free(&r->now);
	tdestroy(r->keys, free);
	for (int i = 0; i < r->n_folders; i++)
		free(r->folders[i]);
	for (int i = 0; i < r->n; i++)
		free(r->paths[i]);
	free(r->folders);
	free(r->paths);
	free(r->block);
	free(r->classes);
	json_decref(r->meta);
	free(r);
}
