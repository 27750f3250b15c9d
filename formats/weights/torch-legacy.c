/* Reads what _legacy_save of torch/serialization.py writes: five pickles (a magic number, the
 * protocol, the system, the object, the keys of its storages), then each storage as a 64-bit count
 * and its elements. */
#include <stdlib.h>
#include <string.h>

#include "formats/weights/torch-dict.h"
#include "formats/weights/torch-file.h"
#include "lib/base/err.h"

enum { PROTOCOL = 1001 };
/* 0x1950a86a20f9469cfc6c, as stored in a pickle */
static const char magic[] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/* The pickles at the beginning of the file. */
struct legacy {
	struct bytes *file;
	struct pickle *pickle;
	uint8_t *head;
	size_t size, at;
};

static const struct value *next_pickle(struct legacy *l)
{
	size_t used;
	const struct value *v = pickle_read(l->pickle, l->head + l->at, l->size - l->at, &used);
	if (v)
		l->at += used;
	return v;
}

static int check_beginning(struct legacy *l)
{
	const char *name = bytes_name(l->file);
	if (!memmem(l->head, l->size < 32 ? l->size : 32, magic, sizeof magic - 1))
		return fail(
		    "'%s' is a bare pickle, and only those of torch.save are read; where "
		    "you trust it: "
		    "python3 -c \"import pickle, torch; torch.save(pickle.load(open('FILE', "
		    "'rb')), 'x.pth')\"",
		    name);
	const struct value *number = next_pickle(l), *version = number ? next_pickle(l) : NULL,
	                   *system = version ? next_pickle(l) : NULL;
	if (!system)
		return -1;
	if (!value_is_text(number, magic) || version->kind != VALUE_NUMBER ||
	    version->number != PROTOCOL)
		return fail("'%s' begins like a file of torch.save, but not of its protocol %d",
		    name, PROTOCOL);
	const struct value *little = value_get(system, "little_endian");
	if (little && little->kind == VALUE_NUMBER && !little->number)
		return fail("'%s' has big-endian numbers, which are not read", name);
	return 0;
}

static int place_storage(struct legacy *l, struct storage *s, uint64_t *at)
{
	const char *name = bytes_name(l->file);
	uint8_t bytes[8];
	uint64_t count = 0;
	if (bytes_read(l->file, *at, sizeof bytes, bytes) < 0)
		return -1;
	for (int i = 8; i-- > 0;)
		count = count << 8 | bytes[i];
	if (count != (uint64_t)s->count)
		return fail("storage '%.*s' of '%s' has %llu elements, not %lld", (int)s->n, s->key,
		    name, (unsigned long long)count, (long long)s->count);
	*at += sizeof bytes;
	if (storage_bytes(s) > bytes_size(l->file) - *at)
		return fail("'%s' is cut short in storage '%.*s'", name, (int)s->n, s->key);
	s->at = *at;
	s->there = true;
	*at += storage_bytes(s);
	return 0;
}

/* Places the storages in the order of `keys`; each must be named by the object, and occur once. */
static int place_storages(struct legacy *l, const struct storages *s, const struct value *keys)
{
	const char *name = bytes_name(l->file);
	uint64_t at = l->at;
	if (keys->kind != VALUE_LIST || keys->list.n != s->n)
		return fail("the list of storages of '%s' is not that of its tensors", name);
	for (size_t i = 0; i < s->n; i++) {
		const struct value *key = keys->list.v[i];
		struct storage *found =
		    key->kind == VALUE_TEXT ? storages_find(s, key->text.p, key->text.n) : NULL;
		if (!found || found->there)
			return fail(
			    "the list of storages of '%s' is not that of its tensors", name);
		if (place_storage(l, found, &at) < 0)
			return -1;
	}
	return at == bytes_size(l->file) ? 0
	                                 : fail("'%s' has %llu bytes after its end", name,
	                                       (unsigned long long)(bytes_size(l->file) - at));
}

static int read_all(struct legacy *l, struct state_table *table)
{
	const char *name = bytes_name(l->file);
	struct storages s = {0};
	if (bytes_read(l->file, 0, l->size, l->head) < 0 || check_beginning(l) < 0)
		return -1;
	const struct value *root = next_pickle(l), *keys = root ? next_pickle(l) : NULL;
	int err = keys ? storages_collect(&s, l->pickle, name) : -1;
	if (!err)
		err = place_storages(l, &s, keys);
	if (!err)
		err = torch_table(table, root, &s, name, bytes_size(l->file));
	storages_free(&s);
	return err;
}

int torch_legacy_read(struct bytes *file, struct state_table *table)
{
	struct legacy l = {.file = file, .pickle = pickle_open(bytes_name(file))};
	l.size = bytes_size(file) < PICKLE_SIZE_MAX ? (size_t)bytes_size(file) : PICKLE_SIZE_MAX;
	l.head = xmalloc(l.size + 1);
	int err = read_all(&l, table);
	pickle_close(l.pickle);
	free(l.head);
	return err;
}
