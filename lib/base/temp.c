#include "lib/base/temp.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/rng.h"

enum { NAME_KEPT = 200, CHUNK = 64 << 10 };

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? xasprintf("%.*s", (int)(slash - path) + 1, path) : xstrdup(".");
}

char *temp_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int dir = (int)(name - path);
	if (strlen(name) <= NAME_KEPT)
		return xasprintf("%.*s.%s.%ld.tmp", dir, path, name, (long)getpid());
	return xasprintf("%.*s.%.*s.%llx.%ld.tmp", dir, path, NAME_KEPT, name,
	    (unsigned long long)hash_bytes(name, strlen(name)), (long)getpid());
}

static int create(const char *temp)
{
	return open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

/* Fails without /proc, which naming the file later needs. */
static int open_nameless(const char *path)
{
	char *dir = directory_of(path);
	int fd =
	    access("/proc/self/fd", X_OK) ? -1 : open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	free(dir);
	return fd;
}

int temp_open(const char *path, const char *temp, bool *nameless)
{
	int fd = open_nameless(path);
	*nameless = fd >= 0;
	return fd >= 0 ? fd : create(temp);
}

static int copy(int from, int to)
{
	uint8_t chunk[CHUNK];
	ssize_t n;
	if (lseek(from, 0, SEEK_SET) < 0)
		return -1;
	while ((n = io_read(from, chunk, sizeof chunk)) > 0)
		if (io_write(to, chunk, (size_t)n) < (size_t)n)
			return -1;
	return (int)n;
}

/* Copies the file, for a file system that creates unnamed files but cannot name them. */
static int copy_to_name(int *fd, const char *temp)
{
	struct stat st;
	int to = create(temp);
	int err = to < 0 || fstat(*fd, &st) || fchmod(to, st.st_mode & 07777) ||
	          copy(*fd, to) < 0 || io_sync(to);
	close(*fd);
	*fd = to;
	return err ? -1 : 0;
}

int temp_give_name(int *fd, const char *temp)
{
	char *self = xasprintf("/proc/self/fd/%d", *fd);
	int err = linkat(AT_FDCWD, self, AT_FDCWD, temp, AT_SYMLINK_FOLLOW);
	free(self);
	return err ? copy_to_name(fd, temp) : 0;
}

void temp_sync_directory(const char *path)
{
	char *dir = directory_of(path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return;
	io_sync(fd);
	close(fd);
}
