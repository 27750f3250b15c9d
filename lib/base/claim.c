#include "lib/base/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"

enum { CLAIMS_MAX = 64, NAME = 80 };

static struct {
	char name[NAME];
	int socket;
} claims[CLAIMS_MAX];
static int n_claims;

/* Makes a socket name from a file's folder and name, through links. -1: cannot read its folder. */
static int name_of(char name[NAME], const char *path)
{
	char *real = realpath(path, NULL), *file = real ? real : xstrdup(path);
	char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	uint64_t hash = hash_bytes(base, strlen(base));
	if (slash)
		slash[slash == file] = '\0';
	struct stat folder;
	int err = stat(slash ? file : ".", &folder) ? -1 : 0;
	snprintf(name, NAME, "fd2 output %llx %llx %llx", (unsigned long long)folder.st_dev,
	    (unsigned long long)folder.st_ino, (unsigned long long)hash);
	free(file);
	return err;
}

static int find(const char *name)
{
	for (int i = 0; i < n_claims; i++)
		if (!strcmp(claims[i].name, name))
			return i;
	return -1;
}

int claim_output(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char name[NAME];
	if (name_of(name, path) < 0 || find(name) >= 0 || n_claims == CLAIMS_MAX)
		return 0;
	memcpy(at.sun_path + 1, name, NAME);
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
	if (s < 0)
		return 0;
	if (bind(s, (struct sockaddr *)&at, size)) {
		bool taken = errno == EADDRINUSE;
		close(s);
		return taken ? fail("'%s' is being written by another run", path) : 0;
	}
	memcpy(claims[n_claims].name, name, NAME);
	claims[n_claims++].socket = s;
	return 0;
}

void claim_release(const char *path)
{
	char name[NAME];
	int i = name_of(name, path) < 0 ? -1 : find(name);
	if (i < 0)
		return;
	close(claims[i].socket);
	claims[i] = claims[--n_claims];
}

int lock_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail("cannot open '%s': %s", path, strerror(errno));
	if (!flock(fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		return fd;
	close(fd);
	return fail("'%s' is being written by another run", path);
}
