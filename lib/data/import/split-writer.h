/* A split's images as one shard, or as shards of bounded size. */
#ifndef FD2_SPLIT_WRITER_H
#define FD2_SPLIT_WRITER_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct split_writer;

struct split_bounds {
	long images; /* of a shard; 0: any number */
	double bytes;
};

/* Without bounds `path` is the shard. With them it is one of its shards' names without the number:
 * "x.tar" stands for x-000.tar, x-001.tar ...; none of them may exist. meta is stolen.
 * NULL: fail_message. */
struct split_writer *split_open(const char *path, const struct split_bounds *bounds, json_t *meta,
    const char *const *classes, int n);
/* A shard that is full appears under its name before the next is begun. -1: fail_message. */
int split_add(struct split_writer *w, const char *class, const char *id, long cls, const void *jpeg,
    size_t size);
int split_sync(struct split_writer *w);
/* The last shard appears under its name. */
int split_publish(struct split_writer *w);
/* Says how many images are where. */
void split_report(const struct split_writer *w);
void split_free(struct split_writer *w);
/* Frees it and removes what it has published. */
void split_abandon(struct split_writer *w);
#endif
