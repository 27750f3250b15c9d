#include "lib/base/io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/stop.h"

enum { LINKS_MAX = 40 };

/* Returns whether to repeat a failed call; waits until the descriptor is ready. */
static bool again(int fd, short events)
{
	if (errno == EINTR)
		return true;
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return false;
	struct pollfd p = {.fd = fd, .events = events};
	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

ssize_t io_read(int fd, void *to, size_t n)
{
	ssize_t got;
	do
		got = read(fd, to, n);
	while (got < 0 && !(errno == EINTR && stop_asked()) && again(fd, POLLIN));
	return got;
}

size_t io_write(int fd, const void *data, size_t n)
{
	size_t done = 0;
	while (done < n) {
		ssize_t put = write(fd, (const char *)data + done, n - done);
		if (put >= 0)
			done += (size_t)put;
		else if (!again(fd, POLLOUT))
			break;
	}
	return done;
}

size_t io_pread(int fd, void *to, size_t n, uint64_t at)
{
	size_t done = 0;
	while (done < n) {
		ssize_t got = pread(fd, (char *)to + done, n - done, (off_t)(at + done));
		if (!got)
			errno = 0;
		if (got <= 0 && errno != EINTR)
			break;
		done += got > 0 ? (size_t)got : 0;
	}
	return done;
}

int io_scratch_file(void)
{
	const char *set = getenv("TMPDIR"), *dir = set && *set ? set : "/tmp";
	char *path = xasprintf("%s/fd2.XXXXXX", dir);
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		fail("cannot create a temporary file in '%s': %s", dir, strerror(errno));
	else
		unlink(path);
	free(path);
	return fd;
}

static int unless_unsupported(int err)
{
	return err && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS ? -1 : 0;
}

int io_sync(int fd)
{
	return unless_unsupported(fsync(fd));
}

int io_sync_all(int fd)
{
	return unless_unsupported(syncfs(fd));
}

/* Returns the descriptor of a path in this process's folder of descriptors, or -1. */
static int number_of(const char *path)
{
	char self[64], folder[PATH_MAX], *end;
	const char *slash = strrchr(path, '/');
	if (!slash || !isdigit((unsigned char)slash[1]))
		return -1;
	long fd = strtol(slash + 1, &end, 10);
	if (*end || fd > INT_MAX)
		return -1;
	char *above = xasprintf("%.*s", (int)(slash - path) + 1, path);
	snprintf(self, sizeof self, "/proc/%ld/fd", (long)getpid());
	bool ours = realpath(above, folder) && !strcmp(folder, self);
	free(above);
	return ours && fcntl((int)fd, F_GETFD) >= 0 ? (int)fd : -1;
}

/* Returns the target of a link; NULL: it is not a link. */
static char *followed(const char *path)
{
	char to[PATH_MAX];
	const char *slash = strrchr(path, '/');
	ssize_t n = readlink(path, to, sizeof to - 1);
	if (n < 0)
		return NULL;
	to[n] = '\0';
	return *to == '/' || !slash ? xstrdup(to)
	                            : xasprintf("%.*s%s", (int)(slash - path) + 1, path, to);
}

char *io_target(const char *path)
{
	char *at = xstrdup(path), *next;
	for (int i = 0; number_of(at) < 0 && (next = followed(at)); i++) {
		free(at);
		at = next;
		if (i == LINKS_MAX) {
			free(at);
			errno = ELOOP;
			return NULL;
		}
	}
	return at;
}

int io_descriptor(const char *path)
{
	char *target = io_target(path);
	int fd = target ? number_of(target) : -1;
	free(target);
	return fd;
}
