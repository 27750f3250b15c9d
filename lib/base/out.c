#include "lib/base/out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/claim.h"
#include "lib/base/err.h"
#include "lib/base/folder.h"
#include "lib/base/io.h"
#include "lib/base/temp.h"

enum { BUFFER = 256 << 10, OPEN_MAX_OUTPUTS = 16, DOOMED_MAX = PATH_MAX };
#define TO_TERMINAL "binary data is not written to a terminal; redirect it or use -o FILE"

struct out {
	int fd, slot;
	bool keep;
	bool nameless; /* the temporary file has no name yet (temp.h) */
	/* path: with symbolic links resolved; temp NULL: written in place (a descriptor, a device)
	 */
	char *path, *temp;
	char *shown; /* for messages */
	uint64_t written;
	size_t used;
	uint8_t buffer[BUFFER];
};

/* Temporary files that a signal must remove: plain arrays, so that the handler may read them. */
static char doomed[OPEN_MAX_OUTPUTS][DOOMED_MAX];
static struct out *open_outputs[OPEN_MAX_OUTPUTS];
static bool stdout_taken;
static struct stat protected_file;
static const char *protected_as;

void out_protect(int fd, const char *what)
{
	protected_as = fstat(fd, &protected_file) ? NULL : what;
}

void out_die_by(int sig)
{
	for (int i = 0; i < OPEN_MAX_OUTPUTS; i++)
		if (doomed[i][0])
			unlink(doomed[i]);
	folder_remove_unfinished();
	signal(sig, SIG_DFL);
	raise(sig);
}

static int no_write(const struct out *o)
{
	if (errno == EPIPE)
		out_die_by(SIGPIPE);
	return fail("cannot write %s: %s", o->shown, strerror(errno));
}

static void release(struct out *o)
{
	if (o->slot >= 0) {
		doomed[o->slot][0] = '\0';
		open_outputs[o->slot] = NULL;
	}
	if (o->fd > STDOUT_FILENO)
		close(o->fd);
	free(o->path);
	free(o->temp);
	free(o->shown);
	free(o);
}

/* Writes the first byte last, so that the handler sees the whole name or none. */
static void doom(char to[DOOMED_MAX], const char *name)
{
	snprintf(to + 1, DOOMED_MAX - 1, "%s", name + 1);
	atomic_signal_fence(memory_order_seq_cst);
	*to = *name;
}

static int take_slot(struct out *o)
{
	for (int i = 0; i < OPEN_MAX_OUTPUTS && o->temp; i++)
		if (open_outputs[i] && open_outputs[i]->temp &&
		    !strcmp(open_outputs[i]->temp, o->temp))
			return fail("two outputs cannot both be %s", o->shown);
	for (int i = 0; i < OPEN_MAX_OUTPUTS; i++)
		if (!open_outputs[i]) {
			open_outputs[i] = o;
			o->slot = i;
			if (o->temp && !o->keep)
				doom(doomed[i], o->temp);
			return 0;
		}
	return fail("too many outputs are open");
}

/* Resolves links. A loop of links is its own target, as opening it then says what is wrong. */
static char *target_of(const char *path)
{
	char *target = io_target(path);
	return target ? target : xstrdup(path);
}

static struct out *new_out(const char *path)
{
	struct out *o = xcalloc(1, sizeof *o);
	bool standard = !path || !strcmp(path, "-") || io_descriptor(path) == STDOUT_FILENO;
	o->fd = -1;
	o->slot = -1;
	o->path = standard ? NULL : target_of(path);
	o->shown = standard ? xstrdup("standard output") : xasprintf("'%s'", path);
	return o;
}

static struct out *give_up(struct out *o)
{
	release(o);
	return NULL;
}

/* Returns whether fd cannot be written to, for example because it is closed. */
static bool is_read_only(int fd)
{
	errno = EBADF;
	return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

static struct out *open_stdout(struct out *o, int flags)
{
	if (stdout_taken)
		fail("two outputs cannot both be standard output");
	else if (!(flags & OUT_TEXT) && isatty(STDOUT_FILENO))
		fail(TO_TERMINAL);
	else if (is_read_only(STDOUT_FILENO))
		no_write(o);
	else {
		stdout_taken = true;
		o->fd = STDOUT_FILENO;
		return o;
	}
	return give_up(o);
}

void out_made_already(const char *path, bool dry)
{
	if (!dry)
		utimensat(AT_FDCWD, path, NULL, 0);
	say("'%s' is up to date", path);
}

char *out_part_name(const char *path)
{
	char *target = target_of(path), *part = xasprintf("%s.part", target);
	free(target);
	return part;
}

/* Lets a kept file have only one writer. Checks nothing if the file system has no locks. */
static int lock_part(const struct out *o)
{
	struct stat opened, named;
	if (flock(o->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return fail("'%s' is being written by another run", o->temp);
	if (fstat(o->fd, &opened) || stat(o->temp, &named) || opened.st_ino != named.st_ino)
		return fail("another run has just finished %s", o->shown);
	return 0;
}

static int open_kept(struct out *o)
{
	o->fd = open(o->temp, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (o->fd < 0)
		return no_write(o);
	if (lock_part(o) < 0)
		return -1;
	return ftruncate(o->fd, 0) ? no_write(o) : 0;
}

/* Creates the temporary file; its name is registered for signals before. Removes what a killed run
 * left under it, and follows no link. */
static int create_temp(struct out *o)
{
	if (take_slot(o) < 0 || claim_output(o->path) < 0)
		return -1;
	if (o->keep)
		return open_kept(o);
	unlink(o->temp);
	o->fd = temp_open(o->path, o->temp, &o->nameless);
	return o->fd < 0 ? no_write(o) : 0;
}

static int open_device(struct out *o)
{
	o->fd = open(o->path, O_WRONLY | O_CLOEXEC);
	return o->fd < 0 ? no_write(o) : take_slot(o);
}

/* Writes to an open file, at its current position. */
static int open_descriptor(struct out *o, int fd, int flags)
{
	if (!(flags & OUT_TEXT) && isatty(fd))
		return fail(TO_TERMINAL);
	if (is_read_only(fd))
		return no_write(o);
	o->fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return o->fd < 0 ? no_write(o) : take_slot(o);
}

/* Returns whether a failed chown or chmod is an error: not every file system has owners and modes,
 * and not everybody may set them. */
static bool is_serious(int err)
{
	return err && errno != EPERM && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS;
}

/* Copies owner and mode of the file to be replaced. A file without write permission is not
 * replaced. */
static int take_over(const struct out *o, const struct stat *st)
{
	bool others = st->st_uid != geteuid() || st->st_gid != getegid();
	return access(o->path, W_OK) ||
	               (others && is_serious(fchown(o->fd, st->st_uid, st->st_gid))) ||
	               is_serious(fchmod(o->fd, st->st_mode & 07777))
	           ? no_write(o)
	           : 0;
}

struct out *out_open(const char *path, int flags)
{
	struct out *o = new_out(path);
	struct stat st;
	if (!o->path)
		return open_stdout(o, flags);
	int fd = io_descriptor(path);
	if (fd >= 0)
		return open_descriptor(o, fd, flags) < 0 ? give_up(o) : o;
	bool exists = !stat(o->path, &st);
	if (!exists && errno == ELOOP) {
		no_write(o);
		return give_up(o);
	}
	if (exists && S_ISDIR(st.st_mode)) {
		fail("cannot write %s: it is a directory", o->shown);
		return give_up(o);
	}
	if (exists && protected_as && st.st_dev == protected_file.st_dev &&
	    st.st_ino == protected_file.st_ino) {
		fail("%s is %s already", o->shown, protected_as);
		return give_up(o);
	}
	o->keep = flags & OUT_KEEP;
	if (exists && !S_ISREG(st.st_mode))
		return open_device(o) < 0 ? give_up(o) : o;
	o->temp = o->keep ? out_part_name(path) : temp_name(o->path);
	if (create_temp(o) == 0 && (!exists || take_over(o, &st) == 0))
		return o;
	if (o->fd >= 0 && !o->keep)
		unlink(o->temp);
	return give_up(o);
}

int out_try(const char *path, int flags)
{
	struct out *o = out_open(path, flags);
	if (!o)
		return -1;
	if (o->fd == STDOUT_FILENO)
		stdout_taken = false;
	out_abandon(o);
	return 0;
}

static int open_part(struct out *o, uint64_t size)
{
	struct stat st;
	if (take_slot(o) < 0 || claim_output(o->path) < 0)
		return -1;
	o->fd = open(o->temp, O_WRONLY | O_CLOEXEC);
	if (o->fd < 0 || fstat(o->fd, &st))
		return fail("cannot continue '%s': %s", o->temp, strerror(errno));
	if (lock_part(o) < 0)
		return -1;
	if ((uint64_t)st.st_size < size)
		return fail("cannot continue '%s': it has %lld bytes, fewer than %llu", o->temp,
		    (long long)st.st_size, (unsigned long long)size);
	if (ftruncate(o->fd, (off_t)size) || lseek(o->fd, 0, SEEK_END) < 0)
		return fail("cannot continue '%s': %s", o->temp, strerror(errno));
	return 0;
}

struct out *out_resume(const char *path, uint64_t size)
{
	struct out *o = new_out(path);
	o->keep = true;
	o->temp = out_part_name(path);
	o->written = size;
	return open_part(o, size) < 0 ? give_up(o) : o;
}

/* Writes the buffer. After an error it holds what is not written yet. */
static int flush(struct out *o)
{
	size_t done = io_write(o->fd, o->buffer, o->used);
	int err = done < o->used ? no_write(o) : 0;
	o->used -= done;
	memmove(o->buffer, o->buffer + done, o->used);
	return err;
}

int out_write(struct out *o, const void *data, size_t n)
{
	const uint8_t *p = data;
	o->written += n;
	while (n) {
		size_t room = BUFFER - o->used, take = n < room ? n : room;
		memcpy(o->buffer + o->used, p, take);
		o->used += take;
		p += take;
		n -= take;
		if (o->used == BUFFER && flush(o) < 0)
			return -1;
	}
	return 0;
}

int out_flush(struct out *o)
{
	return flush(o);
}

int out_sync(struct out *o)
{
	if (flush(o) < 0)
		return -1;
	return o->temp && io_sync(o->fd) ? no_write(o) : 0;
}

uint64_t out_tell(const struct out *o)
{
	return o->written;
}

bool out_feeds_pipe(void)
{
	struct stat st;
	return stdout_taken && !fstat(STDOUT_FILENO, &st) && S_ISFIFO(st.st_mode);
}

bool out_is_file(const char *path)
{
	struct stat st;
	return path && strcmp(path, "-") && io_descriptor(path) < 0 &&
	       (stat(path, &st) || S_ISREG(st.st_mode));
}

bool out_kept(const struct out *o)
{
	return o->keep;
}

const char *out_name(const struct out *o)
{
	return o->shown;
}

/* Gives the temporary file its final name. Closing it first reports late write errors; a second
 * descriptor holds the lock of a kept file meanwhile. */
static int publish(struct out *o)
{
	if (o->nameless && temp_give_name(&o->fd, o->temp) < 0)
		return no_write(o);
	int lock = dup(o->fd), closed = close(o->fd);
	o->fd = -1;
	int err = closed ? no_write(o) : 0;
	if (!err && rename(o->temp, o->path))
		err = fail("cannot rename '%s' to %s: %s", o->temp, o->shown, strerror(errno));
	close(lock);
	if (!err)
		temp_sync_directory(o->path);
	return err;
}

static int close_in_place(struct out *o)
{
	int closed = o->fd > STDOUT_FILENO ? close(o->fd) : 0;
	o->fd = -1;
	return closed ? no_write(o) : 0;
}

int out_close(struct out *o)
{
	int err = out_sync(o);
	if (!err)
		err = o->temp ? publish(o) : close_in_place(o);
	if (err < 0 && o->temp && !o->keep)
		unlink(o->temp);
	if (o->temp)
		claim_release(o->path);
	release(o);
	return err;
}

void out_abandon(struct out *o)
{
	if (o->temp && o->keep && out_tell(o))
		flush(o);
	else if (o->temp)
		unlink(o->temp);
	release(o);
}

void out_abandon_all(void)
{
	for (int i = 0; i < OPEN_MAX_OUTPUTS; i++)
		if (open_outputs[i])
			out_abandon(open_outputs[i]);
	folder_remove_unfinished();
}
