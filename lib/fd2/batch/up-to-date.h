/* Checks, for --resume, whether an output is complete already. */
#ifndef FD2_UP_TO_DATE_H
#define FD2_UP_TO_DATE_H
#include <jansson.h>

#include "formats/stream/stream.h"

/* 1: the shard `path` is complete and has that provenance; says so, and updates its timestamp
 * unless `dry`. 0: there is none, or an unfinished one (PATH.part or PATH.ckpt). -1: fail_message,
 * it was made with other settings. */
int shard_up_to_date(const char *path, const json_t *provenance, bool dry);
/* The same for a tensor stream of that kind and meta; ignores PATH.ckpt. */
int stream_up_to_date(const char *path, const char *kind, const json_t *meta, bool dry);
/* Reads the rest of a stream. -1: fail_message, it is cut short or damaged. */
int stream_read_to_end(struct stream_reader *r);
#endif
