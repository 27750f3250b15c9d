#include "lib/data/import/plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/input.h"
#include "formats/shard/member-name.h"
#include "formats/shard/sample.h"

enum { FILES_MAX = 1 << 20, LIST_MAX = 64 << 20 };

static const char *base_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	return slash ? slash + 1 : name;
}

static const char *last_two(const char *name)
{
	const char *p = base_name(name);
	if (p == name)
		return name;
	for (p--; p > name && p[-1] != '/';)
		p--;
	return p;
}

/* Returns a file's name for source_image, a new string: a folder given as "cars_train" is the same
 * as an archive that holds it. */
static char *full_name(const struct members *ms, const char *name)
{
	char *real = members_in_folder(ms) ? realpath(members_path(ms), NULL) : NULL;
	char folder[MEMBER_NAME_MAX + 1];
	bool named = real && !member_name(folder, real, base_name(real));
	free(real);
	return named ? xasprintf("%s/%s", folder, name) : xstrdup(name);
}

static int by_tail(const void *a, const void *b)
{
	const struct import_file *x = a, *y = b;
	int order = strcmp(x->tail, y->tail);
	return order ? order : strcmp(x->name, y->name);
}

/* Copies the name of an archive: the reader's ends with the archive, ours with the source. */
static const char *keep_name(struct import_source *s, const char *archive)
{
	if (!archive || (s->archives_n && !strcmp(s->archives[s->archives_n - 1], archive)))
		return archive ? s->archives[s->archives_n - 1] : NULL;
	s->archives = xrealloc(s->archives, (size_t)s->archives_n + 1, sizeof *s->archives);
	return s->archives[s->archives_n++] = xstrdup(archive);
}

/* The first pass reads the lists and all names, the second the files whose split is needed. */
struct pass {
	struct members *ms;
	struct import_source *s;
	const char *const *lists;
	int lists_n;
	const bool *needed;
};

static bool is_list(const struct pass *p, const char *name)
{
	for (int i = 0; i < p->lists_n; i++)
		if (!strcmp(base_name(name), p->lists[i]))
			return true;
	return false;
}

/* Returns whether a member is the metadata of one of fd2's own shards. */
static bool is_ours(const char *name)
{
	return !strcmp(name, SHARD_END) || !strcmp(name, SHARD_START);
}

static int note(void *ctx, const char *archive, const char *name)
{
	const struct pass *p = ctx;
	struct import_source *s = p->s;
	char key[SHARD_NAME_MAX + 1];
	if (is_list(p, name))
		return 1;
	enum part part = part_of(name, key);
	if (part == PART_NONE && *base_name(name) != '.' && !is_ours(name) && !s->others++)
		s->other = xstrdup(name);
	if (part != PART_IMAGE && part != PART_FOREIGN)
		return 0;
	if (s->n == FILES_MAX)
		return fail("'%s' holds more than %d images", archive, FILES_MAX);
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 1024;
		s->files = xrealloc(s->files, (size_t)s->cap, sizeof *s->files);
	}
	char *full = full_name(p->ms, name);
	s->files[s->n++] = (struct import_file){.archive = keep_name(s, archive),
	    .name = full,
	    .tail = last_two(full),
	    .foreign = part == PART_FOREIGN,
	    .split = -1};
	return 0;
}

static int add_list(
    struct import_source *s, const char *archive, const char *name, const void *data, size_t size)
{
	const struct import_list *other = source_list(s, base_name(name));
	if (other)
		return fail(
		    "'%s' exists twice, as '%s' and as '%s'", base_name(name), other->name, name);
	if (size > LIST_MAX)
		return fail("'%s' is larger than %d MiB", name, LIST_MAX >> 20);
	if (size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3)) { /* a mark that Windows editors add */
		data = (const char *)data + 3;
		size -= 3;
	}
	char *text = xmalloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	s->lists = xrealloc(s->lists, (size_t)s->lists_n + 1, sizeof *s->lists);
	s->lists[s->lists_n++] =
	    (struct import_list){keep_name(s, archive), xstrdup(name), text, size};
	return 0;
}

static int read_list(struct import_source *s, const char *path)
{
	struct blob b = {0};
	struct input *in = input_open(path);
	int err = in ? input_read_all(in, &b, LIST_MAX) : -1;
	if (!err)
		err = add_list(s, NULL, path, b.data, b.size);
	input_close(in);
	free(b.data);
	return err;
}

/* Refuses a path that cannot be read twice: first the lists, then the images. */
static int check_path(const char *path)
{
	struct stat st;
	if (!strcmp(path, "-"))
		return fail("standard input cannot be read twice: give the archive as a file");
	if (stat(path, &st))
		return input_no_file(path);
	if (S_ISDIR(st.st_mode))
		return 0;
	if (!S_ISREG(st.st_mode))
		return fail("'%s' is a pipe or a device and cannot be read twice: give the archive "
		            "as a file",
		    path);
	struct input *in = input_open(path);
	int content = in ? input_content(in) : -1, err = content < 0 ? -1 : 0;
	if (!err && content != CONTENT_TAR && (content != CONTENT_OTHER || input_foreign(in)))
		err = input_refuse(in, "a folder or an archive of images");
	input_close(in);
	return err;
}

static int take_paths(struct pass *p, char *const *paths, int n)
{
	struct import_source *s = p->s;
	s->paths = xcalloc((size_t)n + 1, sizeof *s->paths);
	int err = 0;
	for (int i = 0; i < n && !err; i++) {
		bool list = is_list(p, paths[i]);
		err = list ? read_list(s, paths[i]) : check_path(paths[i]);
		if (!list)
			s->paths[s->paths_n++] = paths[i];
	}
	return err;
}

static int read_names(struct pass *p)
{
	struct import_source *s = p->s;
	struct member m = {0};
	int got = MEMBER_PATH_END;
	if (!s->paths_n)
		return 0;
	p->ms = members_open(s->paths, s->paths_n, note, p);
	if (!p->ms)
		return -1;
	while (got > 0 && (got = members_next(p->ms, &m)) > 0)
		if (got == MEMBER_FILE &&
		    add_list(s, members_path(p->ms), m.name, m.data.data, m.data.size) < 0)
			got = -1;
	members_close(p->ms);
	free(m.data.data);
	return got;
}

static int sort_names(struct import_source *s)
{
	if (s->n)
		qsort(s->files, (size_t)s->n, sizeof *s->files, by_tail);
	for (int i = 1; i < s->n; i++)
		if (!strcmp(s->files[i].name, s->files[i - 1].name))
			return fail("'%s': member '%s' occurs twice", s->files[i].archive,
			    s->files[i].name);
	return 0;
}

int source_open(
    struct import_source *s, char *const *paths, int n, const char *const *lists, int lists_n)
{
	*s = (struct import_source){0};
	struct pass p = {.s = s, .lists = lists, .lists_n = lists_n};
	if (take_paths(&p, paths, n) < 0 || read_names(&p) < 0)
		return -1;
	return sort_names(s);
}

void source_close(struct import_source *s)
{
	for (int i = 0; i < s->n; i++) {
		free(s->files[i].name);
		free(s->files[i].id);
	}
	for (int i = 0; i < s->lists_n; i++) {
		free(s->lists[i].name);
		free(s->lists[i].text);
	}
	for (int i = 0; i < s->archives_n; i++)
		free(s->archives[i]);
	free(s->archives);
	free(s->other);
	free(s->files);
	free(s->lists);
	free(s->paths);
}

struct import_list *source_list(const struct import_source *s, const char *name)
{
	for (int i = 0; i < s->lists_n; i++)
		if (!strcmp(base_name(s->lists[i].name), name))
			return &s->lists[i];
	return NULL;
}

/* Returns the first file whose tail does not sort before this one. */
static int lower_bound(const struct import_source *s, const char *tail)
{
	int low = 0, high = s->n;
	while (low < high) {
		int mid = low + (high - low) / 2;
		if (strcmp(s->files[mid].tail, tail) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool ends_with(const char *name, const char *path)
{
	size_t n = strlen(name), k = strlen(path);
	return n >= k && !strcmp(name + n - k, path) && (n == k || name[n - k - 1] == '/');
}

struct import_file *source_image(const struct import_source *s, const char *path)
{
	struct import_file *found = NULL;
	const char *tail = last_two(path);
	for (int i = lower_bound(s, tail); i < s->n && !strcmp(s->files[i].tail, tail); i++) {
		if (!ends_with(s->files[i].name, path))
			continue;
		if (found)
			return fail_null("'%s' exists twice, as '%s' and as '%s'", path,
			    found->name, s->files[i].name);
		found = &s->files[i];
	}
	return found ? found : fail_null("'%s' is missing", path);
}

static struct import_file *planned(const struct pass *p, const char *name)
{
	const struct import_source *s = p->s;
	char *full = full_name(p->ms, name);
	struct import_file key = {.name = full, .tail = last_two(full)};
	struct import_file *f =
	    s->n ? bsearch(&key, s->files, (size_t)s->n, sizeof *s->files, by_tail) : NULL;
	free(full);
	return f && f->split >= 0 && p->needed[f->split] ? f : NULL;
}

static int is_planned(void *ctx, const char *archive, const char *name)
{
	(void)archive;
	return planned(ctx, name) ? 1 : 0;
}

int source_read(struct import_source *s, const bool needed[SPLITS],
    int (*take)(void *ctx, const struct import_file *f, const void *data, size_t size), void *ctx)
{
	struct member m = {0};
	int got = MEMBER_PATH_END;
	struct pass p = {.s = s, .needed = needed};
	p.ms = members_open(s->paths, s->paths_n, is_planned, &p);
	if (!p.ms)
		return -1;
	while (got > 0 && (got = members_next(p.ms, &m)) > 0)
		if (got == MEMBER_FILE &&
		    take(ctx, planned(&p, m.name), m.data.data, m.data.size) < 0)
			got = -1;
	members_close(p.ms);
	free(m.data.data);
	return got;
}

int list_fail(const struct import_list *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return l->archive ? fail("'%s': '%s': %s", l->archive, l->name, text)
	                  : fail("'%s': %s", l->name, text);
}

int lines_fail(const struct lines *l, const char *fmt, ...)
{
	const struct import_list *of = l->list;
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return of->archive ? fail("'%s': '%s', line %d: %s", of->archive, of->name, l->number, text)
	                   : fail("'%s', line %d: %s", of->name, l->number, text);
}

int lines_next(struct lines *l)
{
	while (l->at < l->list->size) {
		char *line = l->list->text + l->at;
		size_t left = l->list->size - l->at;
		char *end = memchr(line, '\n', left);
		size_t n = end ? (size_t)(end - line) : left;
		l->at += n + (end != NULL);
		l->number++;
		if (memchr(line, '\0', n))
			return lines_fail(l, "is not text");
		line[n] = '\0';
		while (n && isspace((unsigned char)line[n - 1]))
			line[--n] = '\0';
		l->text = line + strspn(line, " \t");
		if (*l->text)
			return 1;
	}
	return 0;
}

char *cut_word(char *line)
{
	char *end = line + strcspn(line, " \t");
	if (!*end)
		return NULL;
	*end = '\0';
	return end + 1 + strspn(end + 1, " \t");
}

long parse_number(const char *text, long min, long max)
{
	char *end;
	errno = 0;
	long v = strtol(text, &end, 10);
	return isdigit((unsigned char)*text) && !*end && !errno && v >= min && v <= max ? v : -1;
}
