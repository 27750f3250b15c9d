/* The face of formats/shard, image shards inside fd2: what formats/fd2/shard.h offers to every
 * program, and writing to an output of lib/base/out.h, which may be resumed.
 *
 * Members come from members.h (archives and folders, found by paths.h) and are collected into
 * samples by sample.h; shard-read.c checks a sequence of them, and shard-classes.c what their
 * classes are. shard-write.c writes one archive, and shard-resume.c finds where an unfinished one
 * goes on. */
#ifndef FD2_SHARD_OUTPUT_H
#define FD2_SHARD_OUTPUT_H
#include <stdbool.h>

#include "formats/fd2/shard.h"
#include "lib/base/out.h"

/* As fd2_shard_create; takes `out`, also when it fails. meta: fd2_provenance() and what the tool
 * adds. */
struct shard_writer *shard_create(struct out *out, json_t *meta, const char *const *classes, int n);
/* Continues the partial file PATH.part: calls `seen` for every complete sample in it, cuts off the
 * rest, and appends. Without PATH.part it starts a new one. `meta` must equal the meta written
 * first in PATH.part (member "__start__"), otherwise the error names the setting that differs. */
struct shard_writer *shard_resume(const char *path, json_t *meta, const char *const *classes, int n,
    void (*seen)(void *ctx, const struct sample *s), void *ctx);
/* Reads what shard_resume would continue after, and opens nothing. -1: fail_message, as it. */
int shard_kept(const char *path, const json_t *meta, const char *const *classes, int n,
    void (*seen)(void *ctx, const struct sample *s), void *ctx);
/* Complete samples in PATH.part, each of which is given to `seen` unless that is NULL; 0 without
 * such a file. -1: fail_message. */
long shard_unfinished(const char *path, void (*seen)(void *ctx, const struct sample *s), void *ctx);
#endif
