/* The face of formats/shard: image shards inside fd2. It adds to the public formats/fd2/shard.h
 * writing to an output of lib/base/out.h, which may be resumed.
 *
 * Members come from members.h (archives and folders, found by paths.h) and are collected into
 * samples by sample.h; shard-read.c checks a sequence of samples, and shard-classes.c their
 * classes. shard-write.c writes one archive, and shard-resume.c finds where an unfinished one
 * is continued. */
#ifndef FD2_SHARD_OUTPUT_H
#define FD2_SHARD_OUTPUT_H
#include <stdbool.h>

#include "formats/fd2/shard.h"
#include "lib/base/out.h"

/* Like fd2_shard_create, for an output, which it takes even if it fails. meta: opts_provenance()
 * and the tool's additions. */
struct shard_writer *shard_create(struct out *out, json_t *meta, const char *const *classes, int n);
/* Continues the partial file PATH.part: calls `seen` for every complete sample in it, cuts off the
 * rest, and appends. Without PATH.part it starts a new one. `meta` must equal the meta written
 * first in PATH.part (member "__start__"), otherwise the error names the setting that differs. */
struct shard_writer *shard_resume(const char *path, json_t *meta, const char *const *classes, int n,
    void (*seen)(void *ctx, const struct sample *s), void *ctx);
/* Reads the samples that shard_resume would keep, and opens no output. -1: fail_message, as for
 * shard_resume. */
int shard_kept(const char *path, const json_t *meta, const char *const *classes, int n,
    void (*seen)(void *ctx, const struct sample *s), void *ctx);
/* Returns the number of complete samples in PATH.part, and calls `seen` for each unless it is NULL;
 * 0 without such a file. -1: fail_message. */
long shard_unfinished(const char *path, void (*seen)(void *ctx, const struct sample *s), void *ctx);
#endif
