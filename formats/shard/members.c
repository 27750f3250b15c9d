#include "formats/shard/members.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/input.h"
#include "formats/shard/links.h"
#include "formats/shard/sample.h"
#include "formats/shard/shard.h"
#include "formats/shard/tar.h"
#include "lib/base/err.h"
#include "lib/base/paths.h"

enum { DEPTH_MAX = 16 }; /* of folders */

/* A folder being read, with its sorted entries. */
struct level {
	struct dirent **v;
	int n, at;
	dev_t dev; /* identify the folder, to notice a link to a folder that it is in */
	ino_t ino;
	size_t prefix; /* length of the folder's own name, with its slash, in members.place */
};

struct members {
	struct paths paths;
	member_needed *needed;
	void *ctx;
	int at; /* the path being read; -1 before the first */
	bool open, in_folder;
	struct tar *tar;     /* NULL in a folder */
	struct links *links; /* NULL until the first link */
	bool in_link;        /* a link is being followed */
	size_t root;         /* length of the path in place, with its slash */
	char place[4096];
	struct level levels[DEPTH_MAX];
	int depth;
};

const char *members_path(const struct members *ms)
{
	return ms->tar ? tar_path(ms->tar) : ms->paths.v[ms->at];
}

bool members_in_folder(const struct members *ms)
{
	return ms->in_folder;
}

static int is_needed(const struct members *ms, const char *name)
{
	return ms->needed(ms->ctx, members_path(ms), name);
}

/* Begins following a link; its files come next. In a pipe, earlier members cannot be read again. */
static int follow(struct members *ms, const struct tar_entry *e)
{
	const char *path = ms->paths.v[ms->at];
	bool pipe = input_is_pipe(path);
	if (is_hidden(e->name))
		return 0;
	if (!pipe && !ms->links && !(ms->links = links_open(path)))
		return -1;
	if (!pipe && (ms->in_link = links_follow(ms->links, e->name)))
		return 0;
	int want = is_needed(ms, e->name);
	if (want < 0)
		return -1;
	if (want && pipe)
		return fail("'%s': member '%s' is a link, and a pipe is read once only; give the "
		            "archive as a file, or pack it with `tar -h --hard-dereference`",
		    members_path(ms), e->name);
	if (want)
		return fail("'%s': member '%s' is a link out of the archive; pack it with `tar -h`",
		    members_path(ms), e->name);
	warn("'%s': passed over member '%s', a link%s", members_path(ms), e->name,
	    pipe ? ": a pipe is read once only" : " that leads to nothing in the archive");
	return 0; /* the name may be a class's folder */
}

/* Goes to the next needed file of a link. 1: it is in *m; 0: there is none; -1: fail_message. */
static int next_in_link(struct members *ms, struct member *m)
{
	const char *name;
	int got = 0;
	while (ms->in_link && (got = links_next(ms->links, &name)) > 0) {
		int want = is_needed(ms, name);
		if (!want)
			continue;
		strcpy(m->name, name);
		return want < 0 || links_read(ms->links, &m->data) < 0 ? -1 : 1;
	}
	ms->in_link = false;
	return got;
}

static int next_in_archive(struct members *ms, struct member *m)
{
	struct tar_entry e;
	for (;;) {
		int got = next_in_link(ms, m);
		if (got)
			return got < 0 ? -1 : MEMBER_FILE;
		got = tar_next(ms->tar, &e);
		if (got <= 0)
			return got < 0 ? -1 : MEMBER_PATH_END;
		if (e.kind == TAR_LINK && follow(ms, &e) < 0)
			return -1;
		int want = e.kind == TAR_FILE ? is_needed(ms, e.name) : 0;
		if (!want && e.kind != TAR_FOLDER)
			continue;
		strcpy(m->name, e.name);
		if (e.kind == TAR_FOLDER)
			return MEMBER_FOLDER;
		return want < 0 || tar_read(ms->tar, &m->data) < 0 ? -1 : MEMBER_FILE;
	}
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Enters the folder whose name is in place[0..prefix). Follows links, but not in a circle. */
static int enter(struct members *ms, size_t prefix, const struct stat *st)
{
	struct level *l = &ms->levels[ms->depth];
	for (int i = 0; i < ms->depth; i++)
		if (ms->levels[i].dev == st->st_dev && ms->levels[i].ino == st->st_ino)
			return fail(
			    "'%.*s' links to a folder that it is in", (int)prefix - 1, ms->place);
	if (ms->depth == DEPTH_MAX)
		return fail(
		    "'%s' is nested more than %d folders deep", ms->paths.v[ms->at], DEPTH_MAX);
	l->n = scandir(ms->place, &l->v, NULL, by_name);
	if (l->n < 0)
		return fail("cannot read '%s': %s", ms->place, strerror(errno));
	l->at = 0;
	l->prefix = prefix;
	l->dev = st->st_dev;
	l->ino = st->st_ino;
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

static int open_folder(struct members *ms, const char *path, const struct stat *st)
{
	ms->in_folder = true;
	ms->root = (size_t)snprintf(ms->place, sizeof ms->place, "%s/", path);
	return ms->root < sizeof ms->place ? enter(ms, ms->root, st)
	                                   : fail("the name '%.40s...' is too long", path);
}

static int read_file(struct members *ms, struct member *m)
{
	struct input *in = input_open(ms->place);
	m->data.size = 0;
	int err = in ? input_read_all(in, &m->data, SHARD_MEMBER_MAX) : -1;
	input_close(in);
	return err ? -1 : MEMBER_FILE;
}

static int no_entry(const struct members *ms, int why)
{
	char to[256];
	ssize_t n = readlink(ms->place, to, sizeof to);
	return n > 0 && why == ENOENT
	           ? fail("'%s' is a link to '%.*s', which does not exist", ms->place, (int)n, to)
	           : fail("cannot read '%s': %s", ms->place, strerror(why));
}

static int next_in_folder(struct members *ms, struct member *m)
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
		int why = stat(ms->place, &st) ? errno : 0;
		if (why && why != ENOENT && why != ELOOP && why != ENOTDIR)
			return no_entry(ms, why);
		if (!why && S_ISDIR(st.st_mode)) {
			strcat(ms->place, "/");
			if (enter(ms, l->prefix + n + 1, &st) < 0 ||
			    member_name(m->name, members_path(ms), ms->place + ms->root) < 0)
				return -1;
			return MEMBER_FOLDER;
		}
		if (member_name(m->name, members_path(ms), ms->place + ms->root) < 0)
			return -1;
		int want = why || S_ISREG(st.st_mode) ? is_needed(ms, m->name) : 0;
		if (want < 0)
			return -1;
		if (want)
			return why ? no_entry(ms, why) : read_file(ms, m);
		if (why)
			warn("passed over '%s', a link to nothing", ms->place);
	}
	return MEMBER_PATH_END;
}

static void close_path(struct members *ms)
{
	while (ms->depth)
		leave(ms);
	if (ms->tar)
		tar_close(ms->tar);
	links_close(ms->links);
	ms->tar = NULL;
	ms->links = NULL;
	ms->open = ms->in_folder = ms->in_link = false;
}

static int open_path(struct members *ms)
{
	const char *path = ms->paths.v[ms->at];
	struct stat st;
	ms->open = true;
	if (strcmp(path, "-") && !stat(path, &st) && S_ISDIR(st.st_mode))
		return open_folder(ms, path, &st);
	ms->tar = tar_open(path);
	return ms->tar ? 0 : -1;
}

struct members *members_open(char *const *paths, int n, member_needed *needed, void *ctx)
{
	struct members *ms = xcalloc(1, sizeof *ms);
	ms->needed = needed;
	ms->ctx = ctx;
	int err = n ? 0 : paths_add(&ms->paths, "-");
	ms->at = -1;
	for (int i = 0; i < n && !err; i++)
		err = paths_add(&ms->paths, paths[i]);
	for (int i = 0; i < ms->paths.n && !err; i++)
		if (strcmp(ms->paths.v[i], "-") && access(ms->paths.v[i], R_OK))
			err = input_no_file(ms->paths.v[i]);
	if (!err)
		return ms;
	members_close(ms);
	return NULL;
}

int members_next(struct members *ms, struct member *m)
{
	if (!ms->open) {
		close_path(ms);
		if (ms->at + 1 == ms->paths.n)
			return MEMBER_END;
		ms->at++;
		if (open_path(ms) < 0)
			return -1;
	}
	int got = ms->in_folder ? next_in_folder(ms, m) : next_in_archive(ms, m);
	if (got == MEMBER_PATH_END)
		ms->open = false; /* the caller still needs its name: the next call closes it */
	return got;
}

void members_close(struct members *ms)
{
	close_path(ms);
	paths_free(&ms->paths);
	free(ms);
}
