#include "lib/data/import/split-writer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/io.h"

enum { BLOCK = 512 };

struct split_writer {
	const char *path;
	struct split_bounds bounds;
	json_t *meta;
	const char *const *classes;
	int n_classes;
	struct out *out;
	struct shard_writer *shard;
	int published; /* number of shards published; also the number of the current one */
	long images;   /* in the current shard */
	double bytes;  /* of the current shard, roughly */
	long all_images;
	double all_bytes;
};

static bool bounded(const struct split_writer *w)
{
	return w->bounds.images || w->bounds.bytes > 0;
}

/* Returns "x-007.tar" for "x.tar" and 7, to be freed. */
static char *shard_path(const struct split_writer *w, int number)
{
	size_t n = strlen(w->path), ext = n > 4 && !strcmp(w->path + n - 4, ".tar") ? 4 : 0;
	return bounded(w)
	           ? xasprintf("%.*s-%03d%s", (int)(n - ext), w->path, number, w->path + n - ext)
	           : xstrdup(w->path);
}

/* Refuses a path that exists: shards of an earlier run would be read together with ours. */
static int check_free(const struct split_writer *w, const char *path)
{
	return bounded(w) && !access(path, F_OK)
	           ? fail("'%s' already exists; remove the earlier shards, or choose another name",
	                 path)
	           : 0;
}

static int open_shard(struct split_writer *w)
{
	char *path = shard_path(w, w->published);
	json_t *meta = json_deep_copy(w->meta);
	if (bounded(w))
		json_object_set_new(meta, "shard", json_integer(w->published));
	w->out = check_free(w, path) ? NULL : out_open(path, 0);
	w->shard = w->out ? shard_create(w->out, meta, w->classes, w->n_classes) : NULL;
	if (!w->out)
		json_decref(meta);
	w->images = 0;
	w->bytes = 0;
	free(path);
	return w->shard ? 0 : -1;
}

struct split_writer *split_open(const char *path, const struct split_bounds *bounds, json_t *meta,
    const char *const *classes, int n)
{
	struct split_writer *w = xcalloc(1, sizeof *w);
	*w = (struct split_writer){
	    .path = path, .bounds = *bounds, .meta = meta, .classes = classes, .n_classes = n};
	if (!open_shard(w))
		return w;
	split_free(w);
	return NULL;
}

static int close_shard(struct split_writer *w)
{
	struct shard_writer *shard = w->shard;
	w->shard = NULL;
	if (fd2_shard_finish(shard) < 0)
		return -1;
	w->published++;
	return 0;
}

static bool is_full(const struct split_writer *w, double bytes)
{
	return w->images && ((w->bounds.images && w->images >= w->bounds.images) ||
	                        (w->bounds.bytes > 0 && w->bytes + bytes > w->bounds.bytes));
}

int split_add(struct split_writer *w, const char *class, const char *id, long cls, const void *jpeg,
    size_t size)
{
	/* Headers of image and .cls, and the .cls, a block each; then the image in whole blocks. */
	double bytes = 3 * BLOCK + (double)((size + BLOCK - 1) / BLOCK * BLOCK);
	if (is_full(w, bytes)) {
		if (close_shard(w) < 0)
			return -1;
		if (open_shard(w) < 0)
			return -1;
	}
	w->images++;
	w->all_images++;
	w->bytes += bytes;
	w->all_bytes += (double)size;
	return fd2_shard_add(w->shard, class, id, cls, jpeg, size, NULL, 0, NULL);
}

int split_sync(struct split_writer *w)
{
	return out_sync(w->out);
}

int split_publish(struct split_writer *w)
{
	char *next = shard_path(w, w->published + 1);
	int err = check_free(w, next);
	free(next);
	return err ? err : close_shard(w);
}

void split_report(const struct split_writer *w)
{
	char *first = shard_path(w, 0), *last = shard_path(w, w->published - 1);
	if (strcmp(w->path, "-"))
		say("%s%s%s: %s of %s, %.1f MB", first, w->published > 1 ? " to " : "",
		    w->published > 1 ? last : "", counted(w->all_images, "images").text,
		    counted(w->n_classes, "classes").text, w->all_bytes / 1e6);
	free(first);
	free(last);
}

void split_free(struct split_writer *w)
{
	if (w->shard)
		fd2_shard_abandon(w->shard);
	json_decref(w->meta);
	free(w);
}

/* Removes a shard, but not a pipe or a device. Of a link, removes the target. */
static void remove_shard(const char *path)
{
	char *target = out_is_file(path) ? io_target(path) : NULL;
	if (target)
		unlink(target);
	free(target);
}

void split_abandon(struct split_writer *w)
{
	for (int i = 0; bounded(w) && i < w->published; i++) {
		char *path = shard_path(w, i);
		remove_shard(path);
		free(path);
	}
	split_free(w);
}
