/* Shared by writing a shard and resuming one. */
#ifndef FD2_SHARD_WRITER_H
#define FD2_SHARD_WRITER_H
#include "formats/shard/sample.h"
#include "formats/shard/shard.h"

enum { SHARD_BLOCK = 512 }; /* bytes of a tar header; members are padded to a multiple */

/* Returns the list of classes to write, with names normalised as readers do it. */
json_t *shard_name_list(const char *const *names, int n);
/* Continues a resumed output that has its __start__ and `count` samples of these parts. */
void shard_go_on(
    struct shard_writer *w, const bool parts[PARTS], const struct digest *d, long count);
#endif
