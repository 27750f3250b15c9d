#include "lib/fd2/distill/output.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/up-to-date.h"

/* Refuses to overwrite images of an interrupted run. */
static int check_unfinished(const char *path)
{
	long left = shard_unfinished(path, NULL, NULL);
	return left > 0 ? fail("'%s.part' holds %ld images of an interrupted run: go on with "
	                       "--resume, or remove it",
	                      path, left)
	                : (int)left;
}

static const char *const *class_names(const struct output *o)
{
	return (const char *const *)o->teacher->class_names;
}

static void keep_stored(void *ctx, const struct sample *s)
{
	struct output *o = ctx;
	if (o->err || s->cls < 0 || s->cls >= o->teacher->classes)
		return;
	o->err =
	    history_add(o->history, (int)s->cls, image_number(s->key), s->image, s->image_size);
	if (o->err)
		fail("cannot resume: member '%s' of '%s': %s", s->key, s->shard, fail_message());
}

static int resume(struct output *o, json_t *provenance, bool dry)
{
	const char *path = o->config->path, *const *names = class_names(o);
	int n = o->teacher->classes, done = shard_up_to_date(path, provenance, dry);
	if (done)
		return done;
	if (dry)
		return shard_kept(path, provenance, names, n, keep_stored, o) < 0 ? -1 : o->err;
	o->writer = shard_resume(path, json_incref(provenance), names, n, keep_stored, o);
	return o->writer ? o->err : -1;
}

static int create(struct output *o, json_t *provenance, bool dry)
{
	bool file = out_is_file(o->config->path);
	if (file && check_unfinished(o->config->path) < 0)
		return -1;
	if (dry)
		return 0;
	struct out *out = out_open(o->config->path, file ? OUT_KEEP : 0);
	if (out)
		o->writer =
		    shard_create(out, json_incref(provenance), class_names(o), o->teacher->classes);
	return o->writer ? 0 : -1;
}

int output_open(struct output *o, json_t *provenance, bool dry)
{
	o->writer = NULL;
	return o->config->resume ? resume(o, provenance, dry) : create(o, provenance, dry);
}

/* Stores image x [1,3,S,S] unless it is stored. */
static int store(struct output *o, int k, int id, const Tensor *x)
{
	const struct teacher *t = o->teacher;
	struct encoded f;
	char name[16];
	if (history_has(o->history, k, id))
		return 0;
	snprintf(name, sizeof name, "%04d", id);
	int err = encode_image(&f, x, &t->normal, o->config->pixels, (int)o->config->quality);
	if (!err)
		err = fd2_shard_add(o->writer, t->class_names[k], name, k, f.jpeg, f.jpeg_size,
		    f.npy, f.npy_size, NULL);
	if (!err)
		err = history_add(o->history, k, id, f.jpeg, f.jpeg_size);
	encoded_free(&f);
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
