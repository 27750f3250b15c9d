/* Image shards: tar archives of labelled images (fd2-shard(5), shard.md).
 *
 * To read: fd2_shard_open, fd2_shard_next until it returns 0, fd2_shard_close. To write:
 * fd2_shard_create, fd2_shard_add for each image, fd2_shard_finish. A function that returns a
 * pointer returns NULL when it fails, others -1; fd2_error says why. */
#ifndef FD2_SHARD_H
#define FD2_SHARD_H
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	SHARD_NAME_MAX = 1024,
	SHARD_MEMBER_MAX = 256 << 20, /* bytes of one member */
	SHARD_META_MAX = 16 << 20,
	SHARD_VALUES_MAX = 1 << 20, /* values in its JSON */
};

/* One sample as stored; owned by the reader, valid until the next fd2_shard_next. */
struct sample {
	const char *shard;    /* the file it came from */
	const char *key;      /* "class/id", without extension */
	const char *folder;   /* fd2_shard_class gives its class; NULL: no folder, only a .cls */
	long cls;             /* from KEY.cls; -1 when absent */
	const uint8_t *image; /* JPEG bytes (undecoded; may be corrupt) */
	size_t image_size;
	const uint8_t *npy; /* NULL when absent */
	size_t npy_size;
	const uint8_t *json; /* KEY.json, NULL when absent */
	size_t json_size;
};

struct shard_reader;

/* Opens shards. paths: files, "-" for standard input, ranges "x-{000..009}.tar"; n = 0 means
 * standard input. Compressed and concatenated archives are read. A directory is read as an
 * ImageFolder (CLASS/ID.jpg in sorted order). A file that does not exist is an error here. */
struct shard_reader *fd2_shard_open(char *const *paths, int n);
/* Reads the next sample. 1: it is in *s; 0: the end, and everything is complete; -1: an error,
 * after which only fd2_shard_close may follow. Errors: empty input, not a tar archive (a tensor
 * stream, text or JPEG is named as such), a truncated archive (at a member boundary as well), a key
 * that occurs again, a count, digest or class list that contradicts __fd2__, absolute names or
 * "..", members over the limits, a .cls that is not a number, a shard without an image, nested
 * folders whose class would be a guess (shard.md). Links in archives are followed within them.
 * Unknown extensions are skipped; an image of another format (png, webp ...) is an error. */
int fd2_shard_next(struct shard_reader *r, struct sample *s);
/* Returns the last __fd2__ object, or NULL; owned by the reader. Known once fd2_shard_next returned
 * 0. */
json_t *fd2_shard_meta(struct shard_reader *r);
/* Returns the names of the *n classes by index: __fd2__'s list, or the sorted folder names. NULL
 * and *n = 0 if labels are only numbers. */
const char *const *fd2_shard_classes(struct shard_reader *r, int *n);
/* Returns the class of a sample's folder: the same name, unless folders are nested. NULL:
 * unknown. */
const char *fd2_shard_class(struct shard_reader *r, const char *folder);
/* Returns the digest of all samples, however they are packed (shard.md): 64 hex digits, or 16 of a
 * set of version 1. */
const char *fd2_shard_digest(struct shard_reader *r);
void fd2_shard_close(struct shard_reader *r);

struct shard_writer;
/* Begins a shard. path: a file, which appears under its name when it is finished, or "-" for
 * standard output. meta: an object for __fd2__ (tool, version, options, inputs) or NULL; the writer
 * takes the reference. classes: names of all n classes of the data set by index, or NULL. The same
 * calls write the same bytes; SOURCE_DATE_EPOCH sets the time of the members. */
struct shard_writer *fd2_shard_create(
    const char *path, json_t *meta, const char *const *classes, int n);
/* Adds one sample: CLASS/ID.jpg, and .cls (if cls >= 0), .npy, .json if they are not NULL. Without
 * class_name the members are ID.jpg and ID.cls. An id has no dots and no slashes. */
int fd2_shard_add(struct shard_writer *w, const char *class_name, const char *id, long cls,
    const void *jpeg, size_t jpeg_size, const void *npy, size_t npy_size, const char *json);
/* Writes __fd2__ with count and digest, and publishes the file. Frees w, also when it fails. */
int fd2_shard_finish(struct shard_writer *w);
/* Frees w; no file appears. */
void fd2_shard_abandon(struct shard_writer *w);

#ifdef __cplusplus
}
#endif
#endif
