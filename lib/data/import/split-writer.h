/* Writes a split's images as one shard, or as shards of bounded size. */
#ifndef FD2_SPLIT_WRITER_H
#define FD2_SPLIT_WRITER_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct split_writer;

struct split_bounds {
	long images; /* per shard; 0: any number */
	double bytes;
};

/* Begins. Without bounds, `path` is the shard. With bounds, numbers are added to it: "x.tar" stands
 * for x-000.tar, x-001.tar ..., none of which may exist. Steals meta. NULL: fail_message. */
struct split_writer *split_open(const char *path, const struct split_bounds *bounds, json_t *meta,
    const char *const *classes, int n);
/* Adds an image. A full shard appears under its name before the next is begun. -1: fail_message. */
int split_add(struct split_writer *w, const char *class, const char *id, long cls, const void *jpeg,
    size_t size);
int split_sync(struct split_writer *w);
/* Makes the last shard appear under its name. */
int split_publish(struct split_writer *w);
/* Reports how many images were written, and where. */
void split_report(const struct split_writer *w);
void split_free(struct split_writer *w);
/* Frees w and removes the shards that it published. */
void split_abandon(struct split_writer *w);
#endif
