#include "lib/fd2/earlier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/shard.h"
#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/base/rng.h"
#include "lib/fd2/attention.h"
#include "lib/fd2/batch.h"

enum ls_view ls_view_of(const char *name)
{
	return !strcmp(name, "same") ? LS_SAME : !strcmp(name, "once") ? LS_ONCE : !strcmp(name, "literal") ? LS_LITERAL : LS_PLAIN;
}

void earlier_init(struct earlier *e, int classes, int ipc, int group, double min_scale)
{
	*e = (struct earlier){.classes = classes, .ipc = ipc, .group = group, .min_scale = min_scale};
	e->v = xcalloc((size_t)classes * ipc, sizeof *e->v);
}

static struct finished *at(const struct earlier *e, int k, int id)
{
	return &e->v[(size_t)k * e->ipc + id - 1];
}

static int first_of_group(const struct earlier *e, int id)
{
	return (id - 1) / e->group * e->group + 1;
}

void earlier_free(struct earlier *e)
{
	for (int i = 0; e->v && i < e->classes * e->ipc; i++) {
		image_free(&e->v[i].image);
		free(e->v[i].map);
	}
	free(e->v);
	*e = (struct earlier){0};
}

static int put(struct earlier *e, int k, int id, const void *jpeg, size_t size)
{
	if (id < 1 || id > e->ipc)
		return 0;
	image_free(&at(e, k, id)->image);
	return jpeg_decode(&at(e, k, id)->image, jpeg, size, 0);
}

int earlier_put(struct earlier *e, int k, int id, const void *jpeg, size_t size)
{
	if (id >= 1 && id <= e->ipc)
		at(e, k, id)->stored = true;
	return put(e, k, id, jpeg, size);
}

bool earlier_has(const struct earlier *e, int k, int id)
{
	return at(e, k, id)->stored;
}

/* --- from other processes ------------------------------------------------------------------------------------------------- */

static int class_of(const struct teacher *t, const char *key, int *id)
{
	const char *slash = strrchr(key, '/');
	for (int k = 0; slash && k < t->classes; k++)
		if (strlen(t->class_names[k]) == (size_t)(slash - key) && !strncmp(t->class_names[k], key, (size_t)(slash - key))) {
			*id = atoi(slash + 1);
			return k;
		}
	return -1;
}

static int take_map(struct earlier *e, const struct teacher *t, const char *path, struct array *a)
{
	int id, k = class_of(t, a->name, &id);
	if (k < 0 || id < 1 || id > e->ipc || a->rank != 3)
		return 0;
	if (a->dtype != DT_F32 || a->shape[0] != t->cal.maps || (e->maps && (a->shape[1] != e->h || a->shape[2] != e->w)))
		return fail("'%s': tensor '%s' is no attention of this teacher", path, a->name);
	e->maps = (int)a->shape[0];
	e->h = (int)a->shape[1];
	e->w = (int)a->shape[2];
	free(at(e, k, id)->map);
	at(e, k, id)->map = a->data;
	a->data = NULL;
	return 0;
}

int earlier_read_maps(struct earlier *e, const char *path, const struct teacher *t)
{
	struct stream_reader *s = stream_open(path, "attn");
	struct array a;
	const char *made_with = NULL;
	int got = 0, ok = 0;
	if (!s)
		return -1;
	json_unpack(stream_meta(s), "{s:{s:s}}", "inputs", "teacher", &made_with);
	if (!made_with || strcmp(made_with, t->digest))
		ok = fail("'%s' holds attention of another teacher (%s) than the one given (%s)", path,
		    made_with ? made_with : "unknown", t->digest);
	while (!ok && (got = stream_next(s, &a)) > 0) {
		ok = take_map(e, t, path, &a);
		array_free(&a);
	}
	stream_close(s);
	return got < 0 ? -1 : ok;
}

int earlier_read_images(struct earlier *e, const char *path, const struct teacher *t)
{
	char *paths[] = {(char *)path};
	struct shard_reader *r = shard_open(paths, 1);
	struct sample s;
	int got, ok = 0;
	if (!r)
		return -1;
	while ((got = shard_next(r, &s)) > 0 && !ok) {
		int id, k = class_of(t, s.key, &id);
		if (k >= 0)
			ok = put(e, k, id, s.image, s.image_size);
		if (ok < 0)
			fail("cannot read '%s': member '%s': %s", path, s.key, fail_message());
	}
	shard_close(r);
	return got < 0 ? -1 : ok;
}

/* --- what L_S compares with --------------------------------------------------------------------------------------------------- */

int earlier_complete(const struct earlier *e, const struct teacher *t, enum ls_view view, int first, int n, int id)
{
	bool images = view == LS_SAME || view == LS_ONCE;
	for (int j = first_of_group(e, id); j < id; j++)
		for (int k = first; k < first + n; k++)
			if (!at(e, k, j)->image.rgb && (images || !at(e, k, j)->map))
				return fail("image %d of class '%s' is needed for L_S; give the earlier images with %s", j,
				    t->class_names[k], images ? "--previous" : "--attn");
	return 0;
}

Tensor *earlier_images(const struct earlier *e, const struct teacher *t, int first, int n, int id)
{
	int begin = first_of_group(e, id), all = (id - begin) * n;
	struct item *items = xcalloc((size_t)all, sizeof *items);
	struct batch b;
	batch_init(&b, all, t->size);
	for (int i = 0; i < all; i++) {
		items[i] = (struct item){.label = first + i % n, .image = at(e, first + i % n, begin + i / n)->image};
		struct view whole = {{0, 0, items[i].image.w, items[i].image.h}, false};
		batch_add(&b, &items[i], &whole);
	}
	batch_render(&b, &t->normal);
	Tensor *x = batch_images(&b, 0, all, T_F32);
	free(items);
	batch_free(&b);
	return x;
}

Tensor *earlier_seen_through(const Tensor *images, const struct teacher *t, const struct step_view *view, int n, enum scalar type)
{
	Tensor *maps[64];
	struct pass pass = {.bn = BN_RUNNING};
	int J = (int)tensor_size(images, 0) / n;
	tensor_scope_begin(NO_GRAD);
	for (int j = 0; j < J; j++) {
		Tensor *x = step_view_apply(view, tensor_narrow(images, 0, j * n, n), type);
		Tensor *A = cal_attention(&t->cal, backbone_features(&t->backbone, x, &pass), &pass);
		maps[j] = tensor_reshape(A, 5, (int64_t[]){1, n, tensor_size(A, 1), tensor_size(A, 2), tensor_size(A, 3)});
	}
	Tensor *all = tensor_keep(tensor_cat(maps, J, 0));
	tensor_scope_end();
	return all;
}

static int know_map(struct earlier *e, const struct teacher *t, int k, int id)
{
	struct finished *f = at(e, k, id);
	struct attention a;
	if (f->map)
		return 0;
	if (attention_of(&a, t, &f->image) < 0)
		return -1;
	e->maps = a.maps;
	e->h = a.h;
	e->w = a.w;
	f->map = a.A;
	a.A = NULL;
	attention_free(&a);
	return 0;
}

static Tensor *as_stored(struct earlier *e, const struct teacher *t, int first, int n, int id)
{
	int begin = first_of_group(e, id), J = id - begin;
	for (int j = begin; j < id; j++)
		for (int k = first; k < first + n; k++)
			if (know_map(e, t, k, j) < 0)
				return NULL;
	size_t one = (size_t)e->maps * e->h * e->w;
	float *v = xcalloc((size_t)J * n, one * sizeof *v);
	for (int j = 0; j < J; j++)
		for (int i = 0; i < n; i++)
			memcpy(v + ((size_t)j * n + i) * one, at(e, first + i, begin + j)->map, one * sizeof *v);
	Tensor *maps = tensor_from(v, T_F32, 5, (int64_t[]){J, n, e->maps, e->h, e->w});
	free(v);
	return maps;
}

Tensor *earlier_maps(struct earlier *e, const struct teacher *t, enum ls_view view, int first, int n, int id)
{
	if (view != LS_ONCE)
		return as_stored(e, t, first, n, id);
	/* one view for the block, drawn where no step draws its own */
	struct step_view once = step_view_random(t->size, e->min_scale, (uint64_t)common.seed, first, id, UINT32_MAX);
	once.roll_x = once.roll_y = 0;
	return earlier_seen_through(earlier_images(e, t, first, n, id), t, &once, n, arithmetic());
}
