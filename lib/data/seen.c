#include "lib/data/seen.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "formats/input.h"
#include "formats/shard/tree.h"
#include "formats/stream/stream.h"
#include "lib/base/err.h"

static char *folder(const char *key)
{
	const char *slash = strrchr(key, '/');
	return slash ? xasprintf("%.*s", (int)(slash - key), key) : xstrdup("");
}

/* The features [C] of an image, named by it. */
static int take_features(struct seen_list *l, struct array *a)
{
	if (a->rank != 1 || a->dtype != DT_F32) {
		fail("tensor '%s' is not a vector of f32", a->name);
		fd2_array_free(a);
		return -1;
	}
	l->v = xrealloc(l->v, (size_t)l->n + 1, sizeof *l->v);
	l->v[l->n++] = (struct seen){.key = xstrdup(a->name), .class = folder(a->name), .z = *a};
	return 0;
}

/* A map [M,h,w] named by its image, then that image's representation, "KEY.z". */
static int take_attention(struct seen_list *l, struct array *a)
{
	if (a->rank == 3 && a->dtype == DT_F32) {
		l->v = xrealloc(l->v, (size_t)l->n + 1, sizeof *l->v);
		l->v[l->n++] =
		    (struct seen){.key = xstrdup(a->name), .class = folder(a->name), .A = *a};
		return 0;
	}
	struct seen *last = l->n ? &l->v[l->n - 1] : NULL;
	size_t n = last ? strlen(last->key) : 0;
	if (last && a->rank == 1 && a->dtype == DT_F32 && !strncmp(a->name, last->key, n) &&
	    !strcmp(a->name + n, ".z")) {
		last->z = *a;
		return 0;
	}
	fail("tensor '%s' is neither a map nor the representation that follows it", a->name);
	fd2_array_free(a);
	return -1;
}

static int not_finite(struct array *a)
{
	fail("tensor '%s' is not finite", a->name);
	fd2_array_free(a);
	return -1;
}

/* Nested folders become classes, as in the shard that the images are from. */
static int name_classes(struct seen_list *l, const char *file)
{
	bool nested = false;
	for (int i = 0; i < l->n; i++)
		nested |= strchr(l->v[i].class, '/') != NULL;
	if (!nested)
		return 0;
	struct tree_folder *v = xcalloc((size_t)l->n, sizeof *v);
	for (int i = 0; i < l->n; i++)
		v[i] = (struct tree_folder){file, xstrdup(l->v[i].class), NULL};
	int n = tree_distinct(v, l->n), err = tree_classes(v, n, 0);
	for (int i = 0; i < l->n && !err; i++) {
		const char *class = tree_find(v, n, l->v[i].class)->class;
		free(l->v[i].class);
		l->v[i].class = xstrdup(class);
	}
	tree_free(v, n);
	return err;
}

static bool has_other_shape(const struct seen *s, const struct seen *first)
{
	return !s->z.data || s->z.size != first->z.size || s->A.size != first->A.size;
}

static void take_meta(struct seen_list *l, json_t *meta)
{
	const char *teacher = NULL, *images = NULL;
	if (!json_unpack(meta, "{s:{s:s}}", "inputs", "teacher", &teacher))
		strncat(l->teacher, teacher, sizeof l->teacher - 1);
	if (!json_unpack(meta, "{s:{s:s}}", "inputs", "images", &images))
		l->images = xstrdup(images);
	l->cut = json_number_value(json_object_get(meta, "cut"));
}

/* What is wrong with a tensor, or between tensors: without the file's name. */
static int take_tensor(struct seen_list *l, struct array *a, bool features)
{
	return !array_finite(a) ? not_finite(a)
	       : features       ? take_features(l, a)
	                        : take_attention(l, a);
}

static int check_shapes(const struct seen_list *l)
{
	for (int i = 0; i < l->n; i++)
		if (has_other_shape(&l->v[i], &l->v[0]))
			return fail("'%s' has no representation, or maps of another shape than the "
			            "first image",
			    l->v[i].key);
	return 0;
}

static int take_tensors(struct seen_list *l, struct stream_reader *r, const char *file)
{
	bool features = !strcmp(fd2_stream_kind(r), "features");
	struct array a;
	int got, err = 0;
	if (!features && strcmp(fd2_stream_kind(r), "attn"))
		return fail("'%s' is a tensor stream of kind %s, expected kind attn or features",
		    file, fd2_stream_kind(r));
	while (!err && (got = fd2_stream_next(r, &a)) > 0)
		err = take_tensor(l, &a, features);
	if (!err && got < 0)
		return -1; /* its sentence names the file */
	if (!err)
		err = check_shapes(l);
	return err ? fail("cannot read '%s': %s", file, fail_message()) : name_classes(l, file);
}

int seen_read(struct seen_list *l, const char *path)
{
	const char *file = input_name_of(path);
	struct stream_reader *r = fd2_stream_open(path, NULL);
	*l = (struct seen_list){0};
	if (!r)
		return -1;
	take_meta(l, fd2_stream_meta(r));
	int err = take_tensors(l, r, file);
	fd2_stream_close(r);
	if (err < 0)
		seen_free(l);
	return err;
}

void seen_free(struct seen_list *l)
{
	for (int i = 0; i < l->n; i++) {
		free(l->v[i].key);
		free(l->v[i].class);
		fd2_array_free(&l->v[i].A);
		fd2_array_free(&l->v[i].z);
	}
	free(l->v);
	free(l->images);
	*l = (struct seen_list){0};
}
