#include "lib/fd2/distill/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/fd2/teacher/attention.h"
#include "lib/fd2/batch/batch.h"

void history_init(
    struct history *h, const struct distill_teachers *teachers, int ipc, int group, bool compares)
{
	*h = (struct history){.teachers = teachers,
	    .classes = teachers->v[0].teacher->classes,
	    .ipc = ipc,
	    .group = group,
	    .compares = compares,
	    .inputs = json_object()};
	h->v = xcalloc((size_t)h->classes * ipc, sizeof *h->v);
	for (int i = 0; i < h->classes * ipc; i++)
		h->v[i].maps = xcalloc((size_t)teachers->n, sizeof *h->v[i].maps);
}

static struct past_image *at(const struct history *h, int k, int id)
{
	return &h->v[(size_t)k * h->ipc + id - 1];
}

static const char *class_name(const struct history *h, int k)
{
	return h->teachers->v[0].teacher->class_names[k];
}

static int first_of_group(const struct history *h, int id)
{
	return (id - 1) / h->group * h->group + 1;
}

static void forget(const struct history *h, struct past_image *f)
{
	image_free(&f->image);
	for (int t = 0; t < h->teachers->n; t++) {
		free(f->maps[t]);
		f->maps[t] = NULL;
	}
}

void history_free(struct history *h)
{
	for (int i = 0; h->v && i < h->classes * h->ipc; i++) {
		forget(h, &h->v[i]);
		free(h->v[i].maps);
	}
	free(h->v);
	json_decref(h->inputs);
	*h = (struct history){0};
}

static int decode(struct history *h, int k, int id, const void *jpeg, size_t size)
{
	if (id < 1 || id > h->ipc)
		return 0;
	image_free(&at(h, k, id)->image);
	return jpeg_decode(&at(h, k, id)->image, jpeg, size, 0);
}

/* Returns whether later images are compared with image `id`. */
static bool is_compared(const struct history *h, int id)
{
	return h->compares && id % h->group && id < h->ipc;
}

int history_add(struct history *h, int k, int id, const void *jpeg, size_t size)
{
	if (id >= 1 && id <= h->ipc)
		at(h, k, id)->stored = true;
	return is_compared(h, id) ? decode(h, k, id, jpeg, size) : 0;
}

void history_end(struct history *h, const struct index_batch *of)
{
	for (int i = 0; i < of->indices; i++) {
		const int last = of->ids[i];
		if (is_compared(h, last))
			continue;
		for (int j = first_of_group(h, last); j < last; j++)
			for (int k = of->first; k < of->first + of->n; k++)
				forget(h, at(h, k, j));
	}
}

bool history_has(const struct history *h, int k, int id)
{
	return at(h, k, id)->stored;
}

int image_number(const char *key)
{
	char name[16];
	const char *slash = strrchr(key, '/');
	int number = slash ? (int)strtol(slash + 1, NULL, 10) : 0;
	snprintf(name, sizeof name, "%04d", number);
	return slash && !strcmp(slash + 1, name) ? number : 0;
}

static int class_of(const struct history *h, const char *key, int *id)
{
	const char *slash = strrchr(key, '/');
	for (int k = 0; slash && k < h->classes; k++) {
		const char *name = class_name(h, k);
		if (strlen(name) == (size_t)(slash - key) &&
		    !strncmp(name, key, (size_t)(slash - key))) {
			*id = image_number(key);
			return k;
		}
	}
	return -1;
}

static int add_map(struct history *h, int teacher, const char *path, struct array *a)
{
	struct map_shape *s = &h->shape[teacher];
	int id, k = class_of(h, a->name, &id);
	if (k < 0 || id < 1 || id > h->ipc || a->rank != 3)
		return 0;
	if (a->dtype != DT_F32 || a->shape[0] != h->teachers->v[teacher].teacher->cal.maps ||
	    (s->maps && (a->shape[1] != s->h || a->shape[2] != s->w)))
		return fail(
		    "'%s': tensor '%s' is not an attention map of this teacher", path, a->name);
	if (!array_finite(a))
		return fail("'%s': tensor '%s' is not finite", path, a->name);
	*s = (struct map_shape){(int)a->shape[0], (int)a->shape[1], (int)a->shape[2]};
	free(at(h, k, id)->maps[teacher]);
	at(h, k, id)->maps[teacher] = a->data;
	a->data = NULL;
	return 0;
}

static void note_maps(struct history *h, const char *digest)
{
	json_t *list = json_object_get(h->inputs, "attn");
	if (!list)
		json_object_set_new(h->inputs, "attn", list = json_array());
	json_array_append_new(list, json_string(digest));
}

int history_read_maps(struct history *h, const char *path)
{
	struct stream_reader *s = fd2_stream_open(path, "attn");
	struct array a;
	const char *made_with = NULL;
	int got = 0;
	if (!s)
		return -1;
	json_unpack(fd2_stream_meta(s), "{s:{s:s}}", "inputs", "teacher", &made_with);
	int teacher = distill_teachers_find(h->teachers, made_with, path);
	int err = teacher < 0 ? -1 : 0;
	if (!err && json_object_get(fd2_stream_meta(s), "cut"))
		err = fail(
		    "'%s' holds attention of images without their border (fd2-attn --cut)", path);
	while (!err && (got = fd2_stream_next(s, &a)) > 0) {
		err = add_map(h, teacher, path, &a);
		fd2_array_free(&a);
	}
	if (!err && !got)
		note_maps(h, fd2_stream_digest(s));
	fd2_stream_close(s);
	return got < 0 ? -1 : err;
}

int history_read_images(struct history *h, const char *path)
{
	char *paths[] = {(char *)path};
	struct shard_reader *r = fd2_shard_open(paths, 1);
	struct sample s;
	int got = 0, err = 0;
	if (!r)
		return -1;
	while (!err && (got = fd2_shard_next(r, &s)) > 0) {
		int id, k = class_of(h, s.key, &id);
		if (k >= 0)
			err = decode(h, k, id, s.image, s.image_size);
		if (err < 0)
			fail("cannot read '%s': member '%s': %s", path, s.key, fail_message());
	}
	if (!err && !got)
		json_object_set_new(h->inputs, "previous", json_string(fd2_shard_digest(r)));
	fd2_shard_close(r);
	return got < 0 ? -1 : err;
}

static bool has_maps(const struct history *h, int k, int id)
{
	for (int t = 0; t < h->teachers->n; t++)
		if (!at(h, k, id)->maps[t])
			return false;
	return true;
}

int history_length(const struct history *h, int id)
{
	return (id - 1) % h->group;
}

int history_check(const struct history *h, const struct index_batch *of, int index, bool images)
{
	const char *each = images || h->teachers->n == 1 ? "" : ", by each teacher";
	for (int j = first_of_group(h, of->ids[index]); j < of->ids[index]; j++)
		for (int k = of->first; k < of->first + of->n; k++)
			if (!at(h, k, j)->image.rgb && (images || !has_maps(h, k, j)))
				return fail("image %d of class '%s' is needed for L_S; give the "
				            "earlier images with %s%s",
				    j, class_name(h, k), images ? "--previous" : "--attn", each);
	return 0;
}

Tensor *history_images(const struct history *h, const struct index_batch *of, int index, int size)
{
	int first = of->first, n = of->n, id = of->ids[index];
	int begin = first_of_group(h, id), all = (id - begin) * n;
	struct batch b;
	batch_init(&b, all, size);
	for (int i = 0; i < all; i++) {
		const struct image *im = &at(h, first + i % n, begin + i / n)->image;
		struct view whole = view_entire(im);
		batch_add_image(&b, im, first + i % n, &whole);
	}
	batch_render(&b, &h->teachers->v[0].teacher->normal);
	Tensor *x = batch_images(&b, 0, all, T_F32);
	batch_free(&b);
	return x;
}

static int ensure_map(struct history *h, int teacher, int k, int id)
{
	struct past_image *f = at(h, k, id);
	struct attention a;
	if (f->maps[teacher])
		return 0;
	if (attention_of(&a, h->teachers->v[teacher].teacher, &f->image, 0) < 0)
		return -1;
	h->shape[teacher] = (struct map_shape){a.maps, a.h, a.w};
	f->maps[teacher] = a.A;
	a.A = NULL;
	attention_free(&a);
	return 0;
}

Tensor *history_maps(struct history *h, int teacher, const struct index_batch *of, int index)
{
	int first = of->first, n = of->n, id = of->ids[index];
	int begin = first_of_group(h, id), J = id - begin;
	for (int j = begin; j < id; j++)
		for (int k = first; k < first + n; k++)
			if (ensure_map(h, teacher, k, j) < 0)
				return NULL;
	const struct map_shape *s = &h->shape[teacher];
	size_t one = (size_t)s->maps * s->h * s->w;
	float *v = xcalloc((size_t)J * n, one * sizeof *v);
	for (int j = 0; j < J; j++)
		for (int i = 0; i < n; i++)
			memcpy(v + ((size_t)j * n + i) * one,
			    at(h, first + i, begin + j)->maps[teacher], one * sizeof *v);
	Tensor *maps = tensor_from(v, T_F32, 5, (int64_t[]){J, n, s->maps, s->h, s->w});
	free(v);
	return maps;
}
