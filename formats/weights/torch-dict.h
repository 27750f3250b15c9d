/* What both containers of torch.save share: from the pickle's value to the table of tensors. */
#ifndef FD2_TORCH_DICT_H
#define FD2_TORCH_DICT_H
#include "formats/weights/pickle.h"
#include "formats/weights/state-table.h"

/* Storages by key, each once; their `at` is for the container's reader to fill in. */
struct storages {
	struct storage **v;
	size_t n;
};
/* Those that the pickles named. -1: fail_message (one key with two lengths or types). */
int storages_collect(struct storages *s, const struct pickle *p, const char *file);
struct storage *storages_find(const struct storages *s, const char *key, size_t n);
uint64_t storage_bytes(const struct storage *s);
void storages_free(struct storages *s);

/* Adds a value that is a tensor, by a name of n bytes. -1: fail_message. */
int torch_tensor(struct state_table *table, const struct value *v, const char *name, size_t n,
    const struct storages *s, const char *file, uint64_t size);
/* Adds the tensors of the dicts in `root` by their names, those of a dict in a dict as
 * "state_dict.conv1.weight". Where one dict has all of rank 1 and more, whatever its key, its
 * tensors have their own names, and nothing else is added; with table->nested everything is,
 * that of lists too, by its path. `size`: of the file. -1: fail_message. */
int torch_table(struct state_table *table, const struct value *root, const struct storages *s,
    const char *file, uint64_t size);
#endif
