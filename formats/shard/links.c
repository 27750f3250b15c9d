#include "formats/shard/links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/shard/sample.h"
#include "formats/shard/shard.h"
#include "formats/shard/tar.h"
#include "lib/base/err.h"
#include "lib/base/io.h"

enum {
	FOLLOWED_MAX = 40,
	LEVELS_MAX = 16,
	NAMES_MAX = 1 << 22, /* names of files through links: links to links could give very many */
};

struct entry {
	char *name, *target; /* target: of a link; NULL: it is a file */
	bool needed;         /* a link leads to it */
	off_t at;            /* offset of its bytes in the file of bytes; -1: it is too large */
	size_t size;
};

/* A link being followed: it leads to entries at..end-1, in whose names it replaces `folder`. */
struct level {
	char *link, *folder; /* folder: may be a file */
	int at, end;
};

struct links {
	char *path;
	struct entry *v; /* files and links by name */
	int n, cap;
	int bytes;                       /* an unnamed file; -1 until it is needed */
	struct level levels[LEVELS_MAX]; /* each link is in the folder of the previous one */
	int depth;
	int names; /* number of names so far */
	char name[MEMBER_NAME_MAX + 1];
};

static void add(struct links *l, const struct tar_entry *e)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 1024;
		l->v = xrealloc(l->v, (size_t)l->cap, sizeof *l->v);
	}
	l->v[l->n++] = (struct entry){
	    .name = xstrdup(e->name), .target = e->kind == TAR_LINK ? xstrdup(e->target) : NULL};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Returns the first entry whose name does not sort before `name`. */
static int first_from(const struct links *l, const char *name)
{
	int first = 0, end = l->n;
	while (first < end) {
		int middle = (first + end) / 2;
		if (strcmp(l->v[middle].name, name) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

static struct entry *find(const struct links *l, const char *name)
{
	int i = first_from(l, name);
	return i < l->n && !strcmp(l->v[i].name, name) ? &l->v[i] : NULL;
}

/* Replaces the longest leading part of a name that is a link by its target. False: none is. */
static bool follow_once(const struct links *l, char *name)
{
	char rest[MEMBER_NAME_MAX + 1] = "", before[MEMBER_NAME_MAX + 1];
	strcpy(before, name);
	for (;;) {
		const struct entry *e = find(l, before);
		if (e && e->target && *e->target &&
		    strlen(e->target) + strlen(rest) <= MEMBER_NAME_MAX) {
			strcpy(name, e->target);
			strcat(name, rest);
			return true;
		}
		char *slash = strrchr(before, '/');
		if (!slash)
			return false;
		strcpy(rest, name + (slash - before));
		*slash = '\0';
	}
}

/* Resolves `name` through all links to entries i..end-1; `name` becomes their common folder, or the
 * file. False: there are none. */
static bool resolve(const struct links *l, char *name, int *i, int *end)
{
	for (int followed = 0; followed < FOLLOWED_MAX && follow_once(l, name); followed++)
		;
	const struct entry *file = find(l, name);
	if (file) {
		*i = (int)(file - l->v);
		*end = *i + 1;
		return !file->target;
	}
	char *below = xasprintf("%s/", name),
	     *behind = xasprintf("%s0", name); /* '0' follows '/' */
	*i = first_from(l, below);
	*end = first_from(l, behind);
	free(below);
	free(behind);
	return *i < *end;
}

struct links *links_open(const char *path)
{
	struct links *l = xcalloc(1, sizeof *l);
	struct tar *t = tar_open(path);
	struct tar_entry e;
	int got = -1;
	l->path = xstrdup(path);
	l->bytes = -1;
	while (t && (got = tar_next(t, &e)) > 0)
		if (e.kind == TAR_FILE || e.kind == TAR_LINK)
			add(l, &e);
	if (t)
		tar_close(t);
	qsort(l->v, (size_t)l->n, sizeof *l->v, by_name);
	if (!got)
		return l;
	links_close(l);
	return NULL;
}

static void leave(struct links *l)
{
	struct level *level = &l->levels[--l->depth];
	free(level->link);
	free(level->folder);
}

/* Enters the target of the link `entry` under the name `link`. 1: done; 0: it leads to nothing; -1:
 * fail_message. */
static int enter(struct links *l, const char *link, const char *entry)
{
	char to[MEMBER_NAME_MAX + 1];
	int at, end;
	strcpy(to, entry);
	if (!resolve(l, to, &at, &end))
		return 0;
	for (int i = 0; i < l->depth; i++)
		if (!strcmp(l->levels[i].folder, to))
			return fail(
			    "'%s': member '%s' links to a folder that it is in", l->path, entry);
	if (l->depth == LEVELS_MAX)
		return fail(
		    "'%s': member '%s' is a link behind %d others", l->path, entry, l->depth);
	l->levels[l->depth++] = (struct level){xstrdup(link), xstrdup(to), at - 1, end};
	return 1;
}

bool links_follow(struct links *l, const char *name)
{
	while (l->depth)
		leave(l);
	return enter(l, name, name) > 0;
}

int links_next(struct links *l, const char **name)
{
	while (l->depth) {
		struct level *level = &l->levels[l->depth - 1];
		if (level->at + 1 == level->end) {
			leave(l);
			continue;
		}
		const struct entry *e = &l->v[++level->at];
		const char *rest = e->name + strlen(level->folder);
		int n = snprintf(l->name, sizeof l->name, "%s%s", level->link, rest);
		if (l->names++ == NAMES_MAX)
			return fail("the links of '%s' lead to over four million names", l->path);
		if (is_hidden(l->name))
			continue;
		if (n > MEMBER_NAME_MAX)
			return fail(
			    "'%s': a name behind link '%s' is too long", l->path, level->link);
		*name = l->name;
		if (!e->target)
			return 1;
		if (enter(l, l->name, e->name) < 0)
			return -1;
	}
	return 0;
}

/* Marks the files that links lead to. Notes only the ends of each link's range, as very many links
 * may lead to one large folder. */
static void mark(struct links *l)
{
	char name[MEMBER_NAME_MAX + 1];
	int at, end, ranges = 0;
	int *change = xcalloc((size_t)l->n + 1, sizeof *change); /* in the number of ranges */
	for (int k = 0; k < l->n; k++) {
		if (!l->v[k].target)
			continue;
		strcpy(name, l->v[k].name);
		if (resolve(l, name, &at, &end)) {
			change[at]++;
			change[end]--;
		}
	}
	for (int k = 0; k < l->n; k++)
		l->v[k].needed = (ranges += change[k]) > 0;
	free(change);
}

static int keep(struct links *l, struct entry *e, const struct blob *b)
{
	e->at = lseek(l->bytes, 0, SEEK_END);
	e->size = b->size;
	return e->at >= 0 && io_write(l->bytes, b->data, b->size) == b->size
	           ? 0
	           : fail("cannot keep what the links of '%s' lead to: %s", l->path,
	                 strerror(errno));
}

/* Reads the archive again and saves the bytes of all needed files. */
static int read_bytes(struct links *l)
{
	struct tar *t = tar_open(l->path);
	struct tar_entry e;
	struct blob b = {0};
	int got = t && (l->bytes = io_scratch_file()) >= 0 ? 1 : -1;
	mark(l);
	while (got > 0 && (got = tar_next(t, &e)) > 0) {
		struct entry *mine = e.kind == TAR_FILE ? find(l, e.name) : NULL;
		if (mine && mine->needed && e.size > SHARD_MEMBER_MAX)
			mine->at = -1;
		else if (mine && mine->needed && (tar_read(t, &b) < 0 || keep(l, mine, &b) < 0))
			got = -1;
	}
	if (t)
		tar_close(t);
	free(b.data);
	return got;
}

int links_read(struct links *l, struct blob *b)
{
	if (l->bytes < 0 && read_bytes(l) < 0)
		return -1;
	const struct entry *e = &l->v[l->levels[l->depth - 1].at];
	if (e->at < 0)
		return fail("'%s': member '%s' is larger than 256 MiB", l->path, e->name);
	blob_reserve(b, e->size + 1);
	b->size = e->size;
	return io_pread(l->bytes, b->data, e->size, (uint64_t)e->at) == e->size
	           ? 0
	           : fail("cannot read what the links of '%s' lead to: %s", l->path,
	                 errno ? strerror(errno) : "the temporary file was cut");
}

void links_close(struct links *l)
{
	if (!l)
		return;
	for (int i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].target);
	}
	while (l->depth)
		leave(l);
	if (l->bytes >= 0)
		close(l->bytes);
	free(l->v);
	free(l->path);
	free(l);
}
