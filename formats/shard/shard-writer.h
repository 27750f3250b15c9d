/* What writing a shard and going on with one share. */
#ifndef FD2_SHARD_WRITER_H
#define FD2_SHARD_WRITER_H
#include "formats/shard/sample.h"
#include "formats/shard/shard.h"

enum { SHARD_BLOCK = 512 }; /* bytes of a header of tar; members are padded to it */

/* The list of classes as it is written: names as readers have them, like the members'. */
json_t *shard_name_list(const char *const *names, int n);
/* The output, which was resumed, holds its __start__ and `count` samples of these parts. */
void shard_go_on(
    struct shard_writer *w, const bool parts[PARTS], const struct digest *d, long count);
#endif
