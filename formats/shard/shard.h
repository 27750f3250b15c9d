/* Image shards: tar archives of labelled images. The specification is shard.md beside this file and
 * fd2-shard(5).
 *
 * A sample is CLASS/ID.jpg (label: its folder), or KEY.jpg with an adjacent KEY.cls (decimal
 * class index, webdataset style); beside the image it may have KEY.npy: the same image
 * losslessly, float16 [3,H,W], RGB in [0,1]. The last top-level member __fd2__ (JSON) carries
 * provenance, class list and count; it is optional when reading (plain `tar c` of an ImageFolder
 * is a shard), always written. */
#ifndef FD2_SHARD_H
#define FD2_SHARD_H
#include "lib/base/out.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SHARD_NAME_MAX = 1024,
	SHARD_MEMBER_MAX = 256 << 20, /* bytes of one member */
	SHARD_META_MAX = 16 << 20,
};

/* One sample as stored; owned by the reader, valid until the next shard_next. */
struct sample {
	const char *shard;    /* file it came from, for messages */
	const char *key;      /* "class/id", without extension */
	const char *class;    /* folder's name; NULL when the sample has a .cls and no folder */
	long cls;             /* from KEY.cls; -1 when absent */
	const uint8_t *image; /* JPEG bytes (undecoded; may be corrupt) */
	size_t image_size;
	const uint8_t *npy; /* NULL when absent */
	size_t npy_size;
	const uint8_t *json; /* KEY.json, NULL when absent */
	size_t json_size;
};

struct shard_reader;

/* paths: files, "-" for standard input, ranges "x-{000..009}.tar"; n = 0 means standard input.
 * Compressed and concatenated archives are read. A directory is read as an ImageFolder
 * (CLASS/ID.jpg in sorted order). NULL: fail_message(). Opening a file that does not exist fails
 * here. */
struct shard_reader *shard_open(char *const *paths, int n);
/* 1: a sample in *s; 0: the end, everything whole; -1: fail_message() names file, member and
 * what is wrong. After -1 only shard_close. Fails on: empty input, not a tar (a tensor stream,
 * text or JPEG is recognised and said), a cut archive (at a member boundary as well), a key that
 * re-appears, a count or class list that contradicts __fd2__, absolute or ".." names, members
 * over the limits, a .cls that is no number, a shard without one image. Links, directories and
 * unknown extensions are ignored; an image extension we cannot read (png, webp ...) is an error
 * that names it. */
int shard_next(struct shard_reader *r, struct sample *s);
/* Known once shard_next returned 0. All borrowed from the reader. */
json_t *shard_meta(struct shard_reader *r); /* the last __fd2__ object, or NULL */
const char *const *shard_classes(
    struct shard_reader *r, int *n); /* __fd2__'s list, else the sorted folder names; NULL, n = 0
                                        when labels are bare numbers */
const char *shard_digest(struct shard_reader
        *r); /* 16 hex digits over names and bytes of all samples, whatever the packing */
void shard_close(struct shard_reader *r);

struct shard_writer;
/* meta: fd2_provenance() plus what the tool adds; stolen. classes: the whole data set's class
 * names, sorted (or NULL). Written at the end as __fd2__. Byte-reproducible: uid, gid, mtime 0
 * (or SOURCE_DATE_EPOCH), mode 0644, ustar. out stays the caller's until shard_finish. */
struct shard_writer *shard_create(struct out *out, json_t *meta, const char *const *classes, int n);
/* Continues an unfinished shard PATH.part: calls `seen` for every whole sample in it, drops a
 * cut tail, and goes on after it. NULL with no PATH.part: a fresh one. `meta` must equal the
 * meta written first in PATH.part (member "__start__"), else a sentence says which setting
 * differs. */
struct shard_writer *shard_resume(const char *path, json_t *meta, const char *const *classes, int n,
    void (*seen)(void *ctx, const struct sample *s), void *ctx);
/* Whole samples in PATH.part, which an interrupted run has left; 0 when there is none. -1:
 * fail_message. */
long shard_unfinished(const char *path);
/* Whether PATH is a whole shard whose meta says what `meta` says, but for how it was given
 * (argv). */
bool shard_is_made(const char *path, json_t *meta);
/* Members of one sample, adjacent: CLASS/ID.jpg, .cls (when cls >= 0), .npy, .json; parts may be
 * NULL. ids have no dots. */
int shard_add(struct shard_writer *w, const char *class, const char *id, long cls, const void *jpeg,
    size_t jpeg_size, const void *npy, size_t npy_size, const char *json);
/* __fd2__ with member count and digest, end blocks, out_close. Frees w. 0 or -1. */
int shard_finish(struct shard_writer *w);
/* Frees w and abandons its output (a kept .part stays). */
void shard_abandon(struct shard_writer *w);
#endif
