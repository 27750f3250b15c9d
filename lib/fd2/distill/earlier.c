#include "lib/fd2/distill/earlier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/base/rng.h"
#include "lib/fd2/teacher/attention.h"
#include "lib/fd2/batch/batch.h"

void earlier_init(
    struct earlier *e, const struct guides *guides, int ipc, int group, double min_scale)
{
	*e = (struct earlier){
	    .guides = guides, .classes = guides->v[0].teacher->classes, .ipc = ipc, .group = group};
	e->min_scale = min_scale;
	e->v = xcalloc((size_t)e->classes * ipc, sizeof *e->v);
	for (int i = 0; i < e->classes * ipc; i++)
		e->v[i].maps = xcalloc((size_t)guides->teachers.n, sizeof *e->v[i].maps);
}

static struct finished *at(const struct earlier *e, int k, int id)
{
	return &e->v[(size_t)k * e->ipc + id - 1];
}

static const char *class_name(const struct earlier *e, int k)
{
	return e->guides->v[0].teacher->class_names[k];
}

static int first_of_group(const struct earlier *e, int id)
{
	return (id - 1) / e->group * e->group + 1;
}

void earlier_free(struct earlier *e)
{
	for (int i = 0; e->v && i < e->classes * e->ipc; i++) {
		image_free(&e->v[i].image);
		for (int g = 0; g < e->guides->teachers.n; g++)
			free(e->v[i].maps[g]);
		free(e->v[i].maps);
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

static int class_of(const struct earlier *e, const char *key, int *id)
{
	const char *slash = strrchr(key, '/');
	for (int k = 0; slash && k < e->classes; k++) {
		const char *name = class_name(e, k);
		if (strlen(name) == (size_t)(slash - key) &&
		    !strncmp(name, key, (size_t)(slash - key))) {
			*id = atoi(slash + 1);
			return k;
		}
	}
	return -1;
}

static int take_map(struct earlier *e, int guide, const char *path, struct array *a)
{
	struct map_shape *s = &e->shape[guide];
	int id, k = class_of(e, a->name, &id);
	if (k < 0 || id < 1 || id > e->ipc || a->rank != 3)
		return 0;
	if (a->dtype != DT_F32 || a->shape[0] != e->guides->v[guide].teacher->cal.maps ||
	    (s->maps && (a->shape[1] != s->h || a->shape[2] != s->w)))
		return fail("'%s': tensor '%s' is no attention of this teacher", path, a->name);
	*s = (struct map_shape){(int)a->shape[0], (int)a->shape[1], (int)a->shape[2]};
	free(at(e, k, id)->maps[guide]);
	at(e, k, id)->maps[guide] = a->data;
	a->data = NULL;
	return 0;
}

int earlier_read_maps(struct earlier *e, const char *path)
{
	struct stream_reader *s = stream_open(path, "attn");
	struct array a;
	const char *made_with = NULL;
	int got = 0;
	if (!s)
		return -1;
	json_unpack(stream_meta(s), "{s:{s:s}}", "inputs", "teacher", &made_with);
	int guide = guides_find(e->guides, made_with, path, "attention"), ok = guide < 0 ? -1 : 0;
	while (!ok && (got = stream_next(s, &a)) > 0) {
		ok = take_map(e, guide, path, &a);
		array_free(&a);
	}
	stream_close(s);
	return got < 0 ? -1 : ok;
}

int earlier_read_images(struct earlier *e, const char *path)
{
	char *paths[] = {(char *)path};
	struct shard_reader *r = shard_open(paths, 1);
	struct sample s;
	int got, ok = 0;
	if (!r)
		return -1;
	while ((got = shard_next(r, &s)) > 0 && !ok) {
		int id, k = class_of(e, s.key, &id);
		if (k >= 0)
			ok = put(e, k, id, s.image, s.image_size);
		if (ok < 0)
			fail("cannot read '%s': member '%s': %s", path, s.key, fail_message());
	}
	shard_close(r);
	return got < 0 ? -1 : ok;
}

static bool has_maps(const struct earlier *e, int k, int id)
{
	for (int g = 0; g < e->guides->teachers.n; g++)
		if (!at(e, k, id)->maps[g])
			return false;
	return true;
}

int earlier_complete(const struct earlier *e, enum ls_view view, int first, int n, int id)
{
	bool images = view == LS_SAME || view == LS_ONCE;
	for (int j = first_of_group(e, id); j < id; j++)
		for (int k = first; k < first + n; k++)
			if (!at(e, k, j)->image.rgb && (images || !has_maps(e, k, j)))
				return fail("image %d of class '%s' is needed for L_S; give the "
				            "earlier images with %s%s",
				    j, class_name(e, k), images ? "--previous" : "--attn",
				    images || e->guides->teachers.n == 1 ? ""
				                                         : ", by each teacher");
	return 0;
}

Tensor *earlier_images(const struct earlier *e, int first, int n, int id, int size)
{
	int begin = first_of_group(e, id), all = (id - begin) * n;
	struct item *items = xcalloc((size_t)all, sizeof *items);
	struct batch b;
	batch_init(&b, all, size);
	for (int i = 0; i < all; i++) {
		items[i] = (struct item){
		    .label = first + i % n, .image = at(e, first + i % n, begin + i / n)->image};
		struct view whole = {{0, 0, items[i].image.w, items[i].image.h}, false};
		batch_add(&b, &items[i], &whole);
	}
	batch_render(&b, &e->guides->v[0].teacher->normal);
	Tensor *x = batch_images(&b, 0, all, T_F32);
	free(items);
	batch_free(&b);
	return x;
}

Tensor *earlier_seen_through(
    const Tensor *images, const struct teacher *t, const Tensor *view, int n, enum scalar type)
{
	Tensor *maps[64];
	struct pass pass = {.bn = BN_RUNNING};
	int J = (int)tensor_size(images, 0) / n;
	tensor_scope_begin(NO_GRAD);
	for (int j = 0; j < J; j++) {
		Tensor *x = tensor_step_view(tensor_narrow(images, 0, j * n, n), view, type);
		Tensor *A =
		    cal_attention(&t->cal, backbone_features(&t->backbone, x, &pass), &pass);
		maps[j] = tensor_reshape(A, 5,
		    (int64_t[]){1, n, tensor_size(A, 1), tensor_size(A, 2), tensor_size(A, 3)});
	}
	Tensor *all = tensor_keep(tensor_cat(maps, J, 0));
	tensor_scope_end();
	return all;
}

static int know_map(struct earlier *e, int guide, int k, int id)
{
	struct finished *f = at(e, k, id);
	struct attention a;
	if (f->maps[guide])
		return 0;
	if (attention_of(&a, e->guides->v[guide].teacher, &f->image) < 0)
		return -1;
	e->shape[guide] = (struct map_shape){a.maps, a.h, a.w};
	f->maps[guide] = a.A;
	a.A = NULL;
	attention_free(&a);
	return 0;
}

Tensor *earlier_maps(struct earlier *e, int guide, int first, int n, int id)
{
	int begin = first_of_group(e, id), J = id - begin;
	for (int j = begin; j < id; j++)
		for (int k = first; k < first + n; k++)
			if (know_map(e, guide, k, j) < 0)
				return NULL;
	const struct map_shape *s = &e->shape[guide];
	size_t one = (size_t)s->maps * s->h * s->w;
	float *v = xcalloc((size_t)J * n, one * sizeof *v);
	for (int j = 0; j < J; j++)
		for (int i = 0; i < n; i++)
			memcpy(v + ((size_t)j * n + i) * one,
			    at(e, first + i, begin + j)->maps[guide], one * sizeof *v);
	Tensor *maps = tensor_from(v, T_F32, 5, (int64_t[]){J, n, s->maps, s->h, s->w});
	free(v);
	return maps;
}

struct pixel_view earlier_view_once(const struct earlier *e, int first, int id, int size)
{
	/* one view for the block, drawn where no step draws its own */
	struct pixel_view once =
	    step_view_random(size, e->min_scale, (uint64_t)common.seed, first, id, UINT32_MAX);
	once.roll_x = once.roll_y = 0;
	return once;
}
