#include "lib/base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"

/* A list of created files and folders, the last first. Entries never move in memory, so that a
 * signal handler may read them. */
struct created {
	struct created *before;
	bool folder;
	char path[];
};
static struct created *volatile created;

struct folder {
	char *path, *temp, *inside; /* inside: the last folder made in it */
};

/* Notes a path to remove. Paths inside are noted before they exist, as removing a missing one does
 * no harm; the folder itself after, as until then its name could be someone else's. */
static void remember(const char *path, bool folder)
{
	struct created *c = xmalloc(sizeof *c + strlen(path) + 1);
	c->before = created;
	c->folder = folder;
	strcpy(c->path, path);
	created = c;
}

void folder_remove_unfinished(void)
{
	for (const struct created *c = created; c; c = c->before)
		if (c->folder)
			rmdir(c->path);
		else
			unlink(c->path);
}

static void release(struct folder *f)
{
	while (created) {
		struct created *c = created;
		created = c->before;
		free(c);
	}
	free(f->path);
	free(f->temp);
	free(f->inside);
	free(f);
}

void folder_abandon(struct folder *f)
{
	folder_remove_unfinished();
	release(f);
}

/* Fails; name: the path inside the folder, or "". */
static int no_write(const struct folder *f, const char *name)
{
	return fail("cannot write '%s%s%s': %s", f->path, *name ? "/" : "", name, strerror(errno));
}

/* Sets f->path, without trailing slashes, and f->temp, a hidden folder next to it. */
static void set_names(struct folder *f, const char *path)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	f->path = xasprintf("%.*s", (int)n, path);
	const char *slash = strrchr(f->path, '/');
	int dir = slash ? (int)(slash - f->path) + 1 : 0;
	f->temp = xasprintf("%.*s.%s.%ld.tmp", dir, f->path, f->path + dir, (long)getpid());
	f->inside = xstrdup("");
}

/* Blocks signals, so that none comes after the folder is made and before it is noted. */
static int make_temp(const char *path)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	int err = mkdir(path, 0777), why = errno;
	if (!err)
		remember(path, true);
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = why;
	return err;
}

struct folder *folder_create(const char *path)
{
	struct stat st;
	if (created)
		return fail_null("cannot write '%s': another folder is being written", path);
	struct folder *f = xcalloc(1, sizeof *f);
	set_names(f, path);
	if (!lstat(f->path, &st))
		fail("'%s' already exists; remove it, or name another folder", f->path);
	else if (make_temp(f->temp))
		no_write(f, "");
	else
		return f;
	release(f);
	return NULL;
}

/* Creates the folders above a file. */
static int make_folders(struct folder *f, const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t n = slash ? (size_t)(slash - name) : 0;
	if (strlen(f->inside) == n && !strncmp(f->inside, name, n))
		return 0;
	for (const char *s = strchr(name, '/'); s; s = strchr(s + 1, '/')) {
		char *path = xasprintf("%s/%.*s", f->temp, (int)(s - name), name);
		remember(path, true);
		int err = mkdir(path, 0777) && errno != EEXIST ? no_write(f, name) : 0;
		free(path);
		if (err < 0)
			return -1;
	}
	free(f->inside);
	f->inside = xasprintf("%.*s", (int)n, name);
	return 0;
}

int folder_put(struct folder *f, const char *name, const void *data, size_t n)
{
	if (make_folders(f, name) < 0)
		return -1;
	char *path = xasprintf("%s/%s", f->temp, name);
	remember(path, false);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	free(path);
	if (fd < 0)
		return no_write(f, name);
	int err = io_write(fd, data, n) < n ? no_write(f, name) : 0;
	if (close(fd) && !err)
		err = no_write(f, name);
	return err;
}

/* Syncs all files in one call: one call per file would wait for the disk thousands of times. */
static int sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int err = io_sync_all(fd);
	close(fd);
	return err;
}

int folder_close(struct folder *f)
{
	struct stat st;
	int err = sync_folder(f->temp) < 0 ? no_write(f, "") : 0;
	if (!err && !lstat(f->path, &st))
		err = fail("'%s' already exists; remove it, or name another folder", f->path);
	if (!err && rename(f->temp, f->path))
		err = fail("cannot rename '%s' to '%s': %s", f->temp, f->path, strerror(errno));
	if (err < 0)
		folder_remove_unfinished();
	else
		sync_folder(f->path); /* makes its name durable */
	release(f);
	return err;
}
