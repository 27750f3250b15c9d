/* The files of torch.save. All fill *table or return -1 with fail_message; nothing in them is
 * run. */
#ifndef FD2_TORCH_FILE_H
#define FD2_TORCH_FILE_H
#include "formats/weights/torch-dict.h"

/* torch 1.6 and later: a zip archive with data.pkl and data/KEY. *storages: the bytes that the
 * table speaks of (bytes_close). */
int torch_zip_read(struct bytes *file, struct state_table *table, struct bytes **storages);
/* The same, whatever the pickle's value is: `tabulate` fills the table. */
typedef int torch_tabulate(void *ctx, struct state_table *table, const struct value *root,
    const struct storages *s, const char *file, uint64_t size);
int torch_zip_read_any(struct bytes *file, torch_tabulate *tabulate, void *ctx,
    struct state_table *table, struct bytes **storages);
/* Before: pickles, and storages behind them; the table speaks of the file's own bytes. */
int torch_legacy_read(struct bytes *file, struct state_table *table);
#endif
