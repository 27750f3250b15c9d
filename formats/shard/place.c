#include "formats/shard/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/input.h"
#include "formats/shard/members.h"
#include "lib/base/err.h"

enum { READ_SIZE = 1 << 20 };
static const size_t piped_max = (size_t)16 << 30;

struct place {
	char *name;
	int fd; /* -1: memory */
	const uint8_t *memory;
	void *owned;
	uint64_t size;
};

static struct place *place_new(const char *name)
{
	struct place *p = xcalloc(1, sizeof *p);
	p->name = xstrdup(name);
	p->fd = -1;
	return p;
}

struct place *place_open_memory(const void *data, size_t size)
{
	struct place *p = place_new("memory");
	p->memory = data;
	p->size = size;
	return p;
}

struct place *place_take(const char *name, void *data, size_t size)
{
	struct place *p = place_new(name);
	p->memory = p->owned = data;
	p->size = size;
	return p;
}

/* What can only be read once. */
static struct place *read_all(const char *path)
{
	struct input *in = input_open(path);
	struct blob all = {0};
	ssize_t got = in ? 1 : -1;
	while (got > 0) {
		blob_reserve(&all, all.size + READ_SIZE);
		got = input_read(in, all.data + all.size, all.cap - all.size);
		all.size += got > 0 ? (size_t)got : 0;
		if (all.size > piped_max)
			got = fail("'%s' gives more than 16 GiB", input_name(in));
	}
	struct place *p = got < 0 ? NULL : place_take(input_name(in), all.data, all.size);
	if (!p)
		free(all.data);
	input_close(in);
	return p;
}

struct place *place_open(const char *path)
{
	struct stat st;
	if (!path || !strcmp(path, "-"))
		return read_all(path);
	if (input_is_pipe(path))
		return read_all(path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		fail("cannot open '%s': %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	struct place *p = place_new(path);
	p->fd = fd;
	p->size = (uint64_t)st.st_size;
	return p;
}

const char *place_name(const struct place *p)
{
	return p->name;
}

uint64_t place_size(const struct place *p)
{
	return p->size;
}

int place_read(const struct place *p, uint64_t at, size_t n, void *to)
{
	if (at > p->size || n > p->size - at)
		return fail("'%s' is cut short", p->name);
	if (p->fd < 0) {
		if (n)
			memcpy(to, p->memory + at, n);
		return 0;
	}
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(p->fd, (uint8_t *)to + done, n - done, (off_t)(at + done));
		if (got < 0 && errno != EINTR)
			return fail("cannot read '%s': %s", p->name, strerror(errno));
		if (!got)
			return fail("'%s' became shorter while it was read", p->name);
		done += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

void place_close(struct place *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->owned);
	free(p->name);
	free(p);
}
