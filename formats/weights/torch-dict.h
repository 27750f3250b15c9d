/* Shared by both containers of torch.save: from the pickle's value to the table of tensors. */
#ifndef FD2_TORCH_DICT_H
#define FD2_TORCH_DICT_H
#include "formats/weights/pickle.h"
#include "formats/weights/state-table.h"

/* Storages by key, each once; the container's reader fills in their `at`. */
struct storages {
	struct storage **v;
	size_t n;
};
/* Collects the storages that the pickles named. -1: fail_message (one key with two lengths or
 * types). */
int storages_collect(struct storages *s, const struct pickle *p, const char *file);
struct storage *storages_find(const struct storages *s, const char *key, size_t n);
uint64_t storage_bytes(const struct storage *s);
void storages_free(struct storages *s);

/* Adds a tensor value, by a name of n bytes. -1: fail_message. */
int torch_tensor(struct state_table *table, const struct value *v, const char *name, size_t n,
    const struct storages *s, const char *file, uint64_t size);
/* Adds the tensors of the dicts in `root` by their names; those of a dict in a dict as
 * "state_dict.conv1.weight". If one dict, under any key, has all tensors of rank 1 and more, adds
 * only that dict's, by their own names. With table->nested adds all tensors, those of lists too, by
 * their paths. `size`: of the file. -1: fail_message. */
int torch_table(struct state_table *table, const struct value *root, const struct storages *s,
    const char *file, uint64_t size);
#endif
