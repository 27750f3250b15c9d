#include "lib/fd2/distill/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

/* Images that nobody asked to keep, and nobody to throw away. */
static int check_unfinished(const char *path)
{
	long left = shard_unfinished(path, NULL, NULL);
	return left > 0 ? fail("'%s.part' holds %ld images of an interrupted run: go on with "
	                       "--resume, or remove it",
	                      path, left)
	                : (int)left;
}

static void keep_stored(void *ctx, const struct sample *s)
{
	struct output *o = ctx;
	const char *slash = strrchr(s->key, '/');
	if (s->cls >= 0 && s->cls < o->teacher->classes && slash)
		history_add(o->history, (int)s->cls, atoi(slash + 1), s->image, s->image_size);
}

static int resume(struct output *o, json_t *provenance)
{
	const char *const *names = (const char *const *)o->teacher->class_names;
	int done = finished_shard(o->config->path, provenance, false);
	if (done) {
		json_decref(provenance);
		return done < 0 ? -1 : 0;
	}
	o->writer =
	    shard_resume(o->config->path, provenance, names, o->teacher->classes, keep_stored, o);
	return o->writer ? 0 : -1;
}

static int create(struct output *o, json_t *provenance)
{
	const char *const *names = (const char *const *)o->teacher->class_names;
	bool file = out_is_file(o->config->path);
	struct out *out = NULL;
	if (!file || check_unfinished(o->config->path) == 0)
		out = out_open(o->config->path, file ? OUT_KEEP : 0);
	if (out)
		o->writer = shard_create(out, provenance, names, o->teacher->classes);
	else
		json_decref(provenance);
	return o->writer ? 0 : -1;
}

int output_open(struct output *o, json_t *provenance)
{
	o->writer = NULL;
	return o->config->resume ? resume(o, provenance) : create(o, provenance);
}

/* x [1,3,S,S] */
static int store(struct output *o, int k, int id, const Tensor *x)
{
	const struct teacher *t = o->teacher;
	struct encoded f;
	char name[16];
	if (history_has(o->history, k, id))
		return 0;
	snprintf(name, sizeof name, "%04d", id);
	int err = finished_encode(&f, x, &t->normal, o->config->pixels, (int)o->config->quality);
	if (!err)
		err = fd2_shard_add(o->writer, t->class_names[k], name, k, f.jpeg, f.jpeg_size,
		    f.npy, f.npy_size, NULL);
	if (!err)
		err = history_add(o->history, k, id, f.jpeg, f.jpeg_size);
	finished_free(&f);
	return err;
}

int output_store(struct output *o, const struct index_batch *b, const Tensor *x)
{
	int err = 0;
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < b->indices * b->n && !err; i++)
		err = store(o, b->first + i % b->n, b->ids[i / b->n], tensor_narrow(x, 0, i, 1));
	tensor_scope_end();
	return err;
}

int output_close(struct output *o, int err)
{
	if (!o->writer)
		return err;
	if (!err)
		return fd2_shard_finish(o->writer);
	fd2_shard_abandon(o->writer);
	return err;
}
