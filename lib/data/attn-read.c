#include "lib/data/attn-read.h"

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

/* Adds an image with its features [C]; the tensor has the image's name. */
static int take_features(struct attn_set *set, struct array *a)
{
	if (a->rank != 1 || a->dtype != DT_F32) {
		fail("tensor '%s' is not a vector of f32", a->name);
		fd2_array_free(a);
		return -1;
	}
	set->v = xrealloc(set->v, (size_t)set->n + 1, sizeof *set->v);
	set->v[set->n++] =
	    (struct attn_image){.key = xstrdup(a->name), .class = folder(a->name), .features = *a};
	return 0;
}

/* Takes a map [M,h,w] named after its image, or the features of the image before, "KEY.z". */
static int take_attention(struct attn_set *set, struct array *a)
{
	if (a->rank == 3 && a->dtype == DT_F32) {
		set->v = xrealloc(set->v, (size_t)set->n + 1, sizeof *set->v);
		set->v[set->n++] = (struct attn_image){
		    .key = xstrdup(a->name), .class = folder(a->name), .map = *a};
		return 0;
	}
	struct attn_image *last = set->n ? &set->v[set->n - 1] : NULL;
	size_t n = last ? strlen(last->key) : 0;
	if (last && a->rank == 1 && a->dtype == DT_F32 && !strncmp(a->name, last->key, n) &&
	    !strcmp(a->name + n, ".z")) {
		last->features = *a;
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

/* Turns nested folders into classes, as in the images' shard. */
static int name_classes(struct attn_set *set, const char *file)
{
	bool nested = false;
	for (int i = 0; i < set->n; i++)
		nested |= strchr(set->v[i].class, '/') != NULL;
	if (!nested)
		return 0;
	struct tree_folder *v = xcalloc((size_t)set->n, sizeof *v);
	for (int i = 0; i < set->n; i++)
		v[i] = (struct tree_folder){file, xstrdup(set->v[i].class), NULL};
	int n = tree_distinct(v, set->n), err = tree_classes(v, n, 0);
	for (int i = 0; i < set->n && !err; i++) {
		const char *class = tree_find(v, n, set->v[i].class)->class;
		free(set->v[i].class);
		set->v[i].class = xstrdup(class);
	}
	tree_free(v, n);
	return err;
}

static bool has_other_shape(const struct attn_image *s, const struct attn_image *first)
{
	return !s->features.data || s->features.size != first->features.size ||
	       s->map.size != first->map.size;
}

static void take_meta(struct attn_set *set, json_t *meta)
{
	const char *teacher = NULL, *images = NULL;
	if (!json_unpack(meta, "{s:{s:s}}", "inputs", "teacher", &teacher))
		strncat(set->teacher, teacher, sizeof set->teacher - 1);
	if (!json_unpack(meta, "{s:{s:s}}", "inputs", "images", &images))
		set->images = xstrdup(images);
	set->cut = json_number_value(json_object_get(meta, "cut"));
}

/* Takes a tensor. The messages of its errors lack the file's name. */
static int take_tensor(struct attn_set *set, struct array *a, bool features)
{
	return !array_finite(a) ? not_finite(a)
	       : features       ? take_features(set, a)
	                        : take_attention(set, a);
}

static int check_shapes(const struct attn_set *set)
{
	for (int i = 0; i < set->n; i++)
		if (has_other_shape(&set->v[i], &set->v[0]))
			return fail("'%s' has no representation, or maps of another shape than the "
			            "first image",
			    set->v[i].key);
	return 0;
}

static int take_tensors(struct attn_set *set, struct stream_reader *r, const char *file)
{
	bool features = !strcmp(fd2_stream_kind(r), "features");
	struct array a;
	int got, err = 0;
	if (!features && strcmp(fd2_stream_kind(r), "attn"))
		return fail("'%s' is a tensor stream of kind %s, expected kind attn or features",
		    file, fd2_stream_kind(r));
	while (!err && (got = fd2_stream_next(r, &a)) > 0)
		err = take_tensor(set, &a, features);
	if (!err && got < 0)
		return -1; /* its message names the file */
	if (!err)
		err = check_shapes(set);
	return err ? fail("cannot read '%s': %s", file, fail_message()) : name_classes(set, file);
}

int attn_read(struct attn_set *set, const char *path)
{
	const char *file = input_name_of(path);
	struct stream_reader *r = fd2_stream_open(path, NULL);
	*set = (struct attn_set){0};
	if (!r)
		return -1;
	take_meta(set, fd2_stream_meta(r));
	int err = take_tensors(set, r, file);
	fd2_stream_close(r);
	if (err < 0)
		attn_free(set);
	return err;
}

void attn_free(struct attn_set *set)
{
	for (int i = 0; i < set->n; i++) {
		free(set->v[i].key);
		free(set->v[i].class);
		fd2_array_free(&set->v[i].map);
		fd2_array_free(&set->v[i].features);
	}
	free(set->v);
	free(set->images);
	*set = (struct attn_set){0};
}
