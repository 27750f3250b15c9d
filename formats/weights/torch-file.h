/* Reads the files of torch.save. All functions fill *table, or return -1 with fail_message; nothing
 * in the files is run. */
#ifndef FD2_TORCH_FILE_H
#define FD2_TORCH_FILE_H
#include "formats/weights/torch-dict.h"

/* torch 1.6 and later: a zip archive with data.pkl and data/KEY. *storages: the bytes to which the
 * table refers (bytes_close). */
int torch_zip_read(struct bytes *file, struct state_table *table, struct bytes **storages);
/* The same for any value of the pickle: `tabulate` fills the table. */
typedef int torch_tabulate(void *ctx, struct state_table *table, const struct value *root,
    const struct storages *s, const char *file, uint64_t size);
int torch_zip_read_any(struct bytes *file, torch_tabulate *tabulate, void *ctx,
    struct state_table *table, struct bytes **storages);
/* Before torch 1.6: pickles, then storages; the table refers to the file's own bytes. */
int torch_legacy_read(struct bytes *file, struct state_table *table);
#endif
