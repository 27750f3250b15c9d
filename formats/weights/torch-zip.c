/* Reads what _save of torch/serialization.py writes: members NAME/data.pkl, NAME/byteorder,
 * NAME/data/KEY in any order, none of them compressed. Goes through them twice: for the pickle, and
 * for the storages that it names. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/weights/torch-file.h"
#include "lib/base/err.h"

enum { READ_SIZE = 64 << 10, BYTEORDER_MAX = 16 };

struct zip {
	struct bytes *file;
	struct archive *archive;
	uint64_t at; /* libarchive's position in the file */
	uint8_t buffer[READ_SIZE];
	char *folder;     /* "NAME/"; NULL until data.pkl is found */
	uint8_t *program; /* data.pkl */
	size_t program_size;
	struct storages storages;
	uint8_t *data; /* all storages, one after the other */
	uint64_t data_size;
};

static ssize_t feed(struct archive *a, void *ctx, const void **data)
{
	struct zip *z = ctx;
	uint64_t left = bytes_size(z->file) - z->at;
	size_t n = left < READ_SIZE ? (size_t)left : READ_SIZE;
	*data = z->buffer;
	if (bytes_read(z->file, z->at, n, z->buffer) < 0) {
		archive_set_error(a, EIO, "%s", fail_message());
		return -1;
	}
	z->at += n;
	return (ssize_t)n;
}

static la_int64_t seek(struct archive *a, void *ctx, la_int64_t offset, int whence)
{
	struct zip *z = ctx;
	int64_t size = (int64_t)bytes_size(z->file),
	        from = whence == SEEK_SET   ? 0
	               : whence == SEEK_CUR ? (int64_t)z->at
	                                    : size,
	        to;
	(void)a;
	if (__builtin_add_overflow(from, offset, &to) || to < 0 || to > size)
		return ARCHIVE_FATAL;
	z->at = (uint64_t)to;
	return to;
}

static int damaged(struct zip *z)
{
	const char *text = archive_error_string(z->archive);
	if (text && strstr(text, "Unrecognized archive format"))
		return fail(
		    "'%s' is cut short: it is a zip archive without its end", bytes_name(z->file));
	return fail("cannot read '%s': %s", bytes_name(z->file), text ? text : "damaged archive");
}

static int open_archive(struct zip *z)
{
	if (z->archive)
		archive_read_free(z->archive);
	struct archive *a = z->archive = archive_read_new();
	z->at = 0;
	archive_read_support_format_zip_seekable(a);
	archive_read_set_callback_data(a, z);
	archive_read_set_read_callback(a, feed);
	archive_read_set_seek_callback(a, seek);
	return archive_read_open1(a) == ARCHIVE_OK ? 0 : damaged(z);
}

/* Goes to the next member. 1: done; 0: there are no more; -1: fail_message. */
static int next_member(struct zip *z, struct archive_entry **e, const char **name)
{
	int got = archive_read_next_header(z->archive, e);
	if (got == ARCHIVE_EOF)
		return 0;
	if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
		return damaged(z);
	*name = archive_entry_pathname(*e);
	if (!*name)
		*name = archive_entry_pathname_utf8(*e);
	return *name ? 1 : fail("'%s' has a member whose name cannot be read", bytes_name(z->file));
}

/* Refuses compressed members: torch never compresses, and so no member is larger than the file. */
static int check_stored(struct zip *z, const char *name)
{
	return strstr(archive_format_name(z->archive), "(uncompressed)")
	           ? 0
	           : fail("member '%s' of '%s' is compressed, as torch.save never does", name,
	                 bytes_name(z->file));
}

/* Reads a member of exactly n bytes. */
static int read_member(struct zip *z, const char *name, uint8_t *to, size_t n)
{
	uint8_t more;
	ssize_t got;
	for (size_t done = 0; done < n; done += (size_t)got) {
		got = archive_read_data(z->archive, to + done, n - done);
		if (got < 0)
			return damaged(z);
		if (!got)
			return fail("member '%s' of '%s' is cut short", name, bytes_name(z->file));
	}
	got = archive_read_data(z->archive, &more, 1); /* 0 only if the checksum is right */
	return got < 0 ? damaged(z)
	       : got   ? fail("member '%s' of '%s' is longer than said", name, bytes_name(z->file))
	               : 0;
}

/* Returns the member's name inside its first folder. */
static const char *inside(const char *name)
{
	const char *slash = strchr(name, '/');
	return slash ? slash + 1 : name;
}

static int take_program(struct zip *z, const char *name, int64_t size)
{
	if (z->program)
		return fail("'%s' has two members data.pkl", bytes_name(z->file));
	if (check_stored(z, name) < 0)
		return -1;
	if (size < 0 || size > PICKLE_SIZE_MAX || (uint64_t)size > bytes_size(z->file))
		return fail("member '%s' of '%s' is larger than 64 MiB or the file", name,
		    bytes_name(z->file));
	z->folder = xasprintf("%.*s", (int)(inside(name) - name), name);
	z->program = xmalloc((size_t)size + 1);
	z->program_size = (size_t)size;
	return read_member(z, name, z->program, z->program_size);
}

static int check_byteorder(struct zip *z, const char *name, int64_t size)
{
	char text[BYTEORDER_MAX + 1] = "";
	if (check_stored(z, name) < 0)
		return -1;
	if (size >= 0 && size <= BYTEORDER_MAX &&
	    read_member(z, name, (uint8_t *)text, (size_t)size) < 0)
		return -1;
	if (!strcmp(text, "big"))
		return fail("'%s' has big-endian numbers, which are not read", bytes_name(z->file));
	return strcmp(text, "little")
	           ? fail("'%s' does not say its byte order", bytes_name(z->file))
	           : 0;
}

static int find_program(struct zip *z)
{
	const char *name, *file = bytes_name(z->file);
	struct archive_entry *e;
	bool script = false;
	int got;
	while ((got = next_member(z, &e, &name)) > 0) {
		int64_t size = archive_entry_size(e);
		int err = 0;
		script |=
		    !strcmp(inside(name), "constants.pkl") || !strncmp(inside(name), "code/", 5);
		if (!strcmp(inside(name), "data.pkl"))
			err = take_program(z, name, size);
		else if (!strcmp(inside(name), "byteorder"))
			err = check_byteorder(z, name, size);
		if (err < 0)
			return -1;
	}
	if (got < 0)
		return -1;
	if (script)
		return fail("'%s' is a program of TorchScript, not weights; where you trust it: "
		            "python3 -c \"import torch; "
		            "torch.save(torch.jit.load('FILE').state_dict(), 'x.pth')\"",
		    file);
	return z->program ? 0
	                  : fail("'%s' is a zip archive ('unzip' makes a folder of it), but not of "
	                         "torch.save: it has no data.pkl",
	                        file);
}

/* Lays out the storages one after the other; all together must fit in the file. */
static int make_room(struct zip *z)
{
	for (size_t i = 0; i < z->storages.n; i++) {
		struct storage *s = z->storages.v[i];
		uint64_t bytes = storage_bytes(s);
		if (bytes > bytes_size(z->file) - z->data_size)
			return fail("'%s' has fewer bytes than its tensors", bytes_name(z->file));
		s->at = z->data_size;
		z->data_size += bytes;
	}
	z->data = xmalloc(z->data_size + 1);
	return 0;
}

/* Returns the storage that a member holds, or NULL. */
static struct storage *storage_of(const struct zip *z, const char *name)
{
	size_t n = strlen(z->folder);
	if (strncmp(name, z->folder, n) != 0 || strncmp(name + n, "data/", 5) != 0)
		return NULL;
	return storages_find(&z->storages, name + n + 5, strlen(name + n + 5));
}

static int read_storages(struct zip *z)
{
	const char *name;
	struct archive_entry *e;
	int got;
	while ((got = next_member(z, &e, &name)) > 0) {
		struct storage *s = storage_of(z, name);
		if (!s)
			continue;
		if (check_stored(z, name) < 0)
			return -1;
		if (s->there || archive_entry_size(e) < 0 ||
		    (uint64_t)archive_entry_size(e) != storage_bytes(s))
			return fail("member '%s' of '%s' comes twice, or has not the %llu bytes of "
			            "its tensors",
			    name, bytes_name(z->file), (unsigned long long)storage_bytes(s));
		if (read_member(z, name, z->data + s->at, (size_t)storage_bytes(s)) < 0)
			return -1;
		s->there = true;
	}
	for (size_t i = 0; i < z->storages.n && !got; i++)
		if (!z->storages.v[i]->there)
			got = fail("'%s' lacks member '%sdata/%.*s'", bytes_name(z->file),
			    z->folder, (int)z->storages.v[i]->n, z->storages.v[i]->key);
	return got;
}

static int read_all(
    struct zip *z, struct pickle *p, torch_tabulate *tabulate, void *ctx, struct state_table *table)
{
	const char *file = bytes_name(z->file);
	size_t used;
	if (open_archive(z) < 0 || find_program(z) < 0)
		return -1;
	const struct value *root = pickle_read(p, z->program, z->program_size, &used);
	if (!root || storages_collect(&z->storages, p, file) < 0 || make_room(z) < 0 ||
	    open_archive(z) < 0 || read_storages(z) < 0)
		return -1;
	return tabulate(ctx, table, root, &z->storages, file, bytes_size(z->file));
}

int torch_zip_read_any(struct bytes *file, torch_tabulate *tabulate, void *ctx,
    struct state_table *table, struct bytes **storages)
{
	struct zip *z = xcalloc(1, sizeof *z);
	struct pickle *p = pickle_open(bytes_name(file));
	z->file = file;
	int err = read_all(z, p, tabulate, ctx, table);
	if (!err)
		*storages = bytes_take(bytes_name(file), z->data, z->data_size);
	else
		free(z->data);
	pickle_close(p);
	storages_free(&z->storages);
	archive_read_free(z->archive);
	free(z->folder);
	free(z->program);
	free(z);
	return err;
}

static int dict(void *ctx, struct state_table *table, const struct value *root,
    const struct storages *s, const char *file, uint64_t size)
{
	(void)ctx;
	return torch_table(table, root, s, file, size);
}

int torch_zip_read(struct bytes *file, struct state_table *table, struct bytes **storages)
{
	return torch_zip_read_any(file, dict, NULL, table, storages);
}
