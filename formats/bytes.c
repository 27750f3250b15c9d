#include "formats/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/blob.h"
#include "formats/input.h"
#include "lib/base/err.h"
#include "lib/base/io.h"

static const size_t piped_max = (size_t)16 << 30;

struct bytes {
	char *name;
	int fd; /* -1: memory */
	const uint8_t *memory;
	void *owned;
	uint64_t size;
};

static struct bytes *bytes_new(const char *name)
{
	struct bytes *p = xcalloc(1, sizeof *p);
	p->name = xstrdup(name);
	p->fd = -1;
	return p;
}

struct bytes *bytes_open_memory(const void *data, size_t size)
{
	struct bytes *p = bytes_new("memory");
	p->memory = data;
	p->size = size;
	return p;
}

struct bytes *bytes_take(const char *name, void *data, size_t size)
{
	struct bytes *p = bytes_new(name);
	p->memory = p->owned = data;
	p->size = size;
	return p;
}

/* Reads an input that can only be read once. */
static struct bytes *read_all(const char *path)
{
	struct input *in = input_open(path);
	struct blob all = {0};
	int err = in ? input_read_all(in, &all, piped_max) : -1;
	struct bytes *p = err ? NULL : bytes_take(input_name(in), all.data, all.size);
	if (!p)
		free(all.data);
	input_close(in);
	return p;
}

struct bytes *bytes_open(const char *path)
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
	struct bytes *p = bytes_new(path);
	p->fd = fd;
	p->size = (uint64_t)st.st_size;
	return p;
}

const char *bytes_name(const struct bytes *p)
{
	return p->name;
}

uint64_t bytes_size(const struct bytes *p)
{
	return p->size;
}

int bytes_read(const struct bytes *p, uint64_t at, size_t n, void *to)
{
	if (at > p->size || n > p->size - at)
		return fail("'%s' is cut short", p->name);
	if (p->fd < 0) {
		if (n)
			memcpy(to, p->memory + at, n);
		return 0;
	}
	if (io_pread(p->fd, to, n, at) == n)
		return 0;
	return errno ? fail("cannot read '%s': %s", p->name, strerror(errno))
	             : fail("'%s' became shorter while it was read", p->name);
}

void bytes_close(struct bytes *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->owned);
	free(p->name);
	free(p);
}
