#include "lib/data/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/shard/tree.h"
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

static int by_folder(const void *a, const void *b)
{
	return strcmp(((const struct tree_folder *)a)->name, ((const struct tree_folder *)b)->name);
}

/* Distinct folders of the images, sorted; returns their number. */
static int folders_of(struct tree_folder *v, const struct seen_list *l, const char *file)
{
	int distinct = 0;
	for (int i = 0; i < l->n; i++)
		v[i] = (struct tree_folder){file, xstrdup(l->v[i].class), NULL};
	qsort(v, (size_t)l->n, sizeof *v, by_folder);
	for (int i = 0; i < l->n; i++)
		if (distinct && !strcmp(v[distinct - 1].name, v[i].name))
			free(v[i].name);
		else
			v[distinct++] = v[i];
	return distinct;
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
	int n = folders_of(v, l, file), err = tree_classes(v, n, 0);
	for (int i = 0; i < l->n && !err; i++) {
		struct tree_folder key = {.name = l->v[i].class},
		                   *f = bsearch(&key, v, (size_t)n, sizeof *v, by_folder);
		free(l->v[i].class);
		l->v[i].class = xstrdup(f->class);
	}
	for (int i = 0; i < n; i++) {
		free(v[i].name);
		free(v[i].class);
	}
	free(v);
	return err;
}

int seen_read(struct seen_list *l, const char *path)
{
	*l = (struct seen_list){0};
	struct stream_reader *r = fd2_stream_open(path, NULL);
	if (!r)
		return -1;
	bool features = !strcmp(fd2_stream_kind(r), "features");
	if (!features && strcmp(fd2_stream_kind(r), "attn") != 0) {
		fail("'%s' is a tensor stream of kind %s, expected kind attn or features",
		    path ? path : "-", fd2_stream_kind(r));
		fd2_stream_close(r);
		return -1;
	}
	const char *teacher = NULL, *images = NULL;
	struct array a;
	int got, err = 0;
	if (!json_unpack(fd2_stream_meta(r), "{s:{s:s}}", "inputs", "teacher", &teacher))
		strncat(l->teacher, teacher, sizeof l->teacher - 1);
	if (!json_unpack(fd2_stream_meta(r), "{s:{s:s}}", "inputs", "images", &images))
		l->images = xstrdup(images);
	l->cut = json_number_value(json_object_get(fd2_stream_meta(r), "cut"));
	while (!err && (got = fd2_stream_next(r, &a)) > 0)
		err = !array_finite(&a) ? not_finite(&a)
		      : features        ? take_features(l, &a)
		                        : take_attention(l, &a);
	for (int i = 0; i < l->n && !err; i++)
		if (!l->v[i].z.data || (i && l->v[i].A.size != l->v[0].A.size) ||
		    l->v[i].z.size != l->v[0].z.size)
			err = fail("'%s' has no representation, or maps of another shape than the "
			           "first image",
			    l->v[i].key);
	if (err < 0)
		fail("cannot read '%s': %s", path ? path : "-", fail_message());
	else if (got < 0 || name_classes(l, path ? path : "standard input") < 0)
		err = -1;
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

/* l2 of u and scale * v. */
static double l2_scaled(const float *u, const float *v, double scale, int64_t n)
{
	double uu = 0, vv = 0, dd = 0;
	for (int64_t i = 0; i < n; i++) {
		double d = (double)u[i] - scale * v[i];
		uu += (double)u[i] * u[i];
		vv += scale * v[i] * scale * v[i];
		dd += d * d;
	}
	return sqrt(dd) / (sqrt(uu) + sqrt(vv) + 1e-8);
}

double l2_normalized(const float *u, const float *v, int64_t n)
{
	return l2_scaled(u, v, 1, n);
}

static double mass(const struct array *A)
{
	const float *v = A->data;
	double sum = 0;
	for (int64_t i = 0; i < fd2_array_count(A); i++)
		sum += v[i];
	return sum;
}

/* From the image's number in the class, "0007". */
int group_of(const struct seen *s, int group)
{
	const char *slash = strrchr(s->key, '/');
	return group ? (atoi(slash ? slash + 1 : s->key) - 1) / group : 0;
}

/* l2 is a ratio: maps of equal mass are as far apart as u and v times mass(u) / mass(v). */
static double intra_class(const struct seen_list *l, int group, bool equal_mass)
{
	double sum = 0;
	long pairs = 0;
	for (int i = 0; i < l->n; i++)
		for (int j = 0; j < i; j++) {
			const struct seen *a = &l->v[i], *b = &l->v[j];
			if (!a->A.data || strcmp(a->class, b->class) ||
			    group_of(a, group) != group_of(b, group))
				continue;
			double of_b = equal_mass ? mass(&b->A) : 0;
			double scale = of_b > 0 ? mass(&a->A) / of_b : 1;
			sum += l2_scaled(a->A.data, b->A.data, scale, fd2_array_count(&a->A));
			pairs++;
		}
	return pairs ? sum / (double)pairs : NAN;
}

double intra_class_attention(const struct seen_list *l, int group)
{
	return intra_class(l, group, false);
}

double intra_class_location(const struct seen_list *l, int group)
{
	return intra_class(l, group, true);
}

int prototype_distances(struct prototype_distances *d, const struct seen_list *l,
    const struct array *prototypes, const char *const *classes)
{
	int64_t K = prototypes->shape[0], D = prototypes->shape[1];
	*d = (struct prototype_distances){0};
	for (int i = 0; i < l->n; i++) {
		const struct seen *s = &l->v[i];
		double own = NAN, others = 0, nearest = INFINITY; /* of the others */
		for (int64_t k = 0; k < K; k++) {
			double e =
			    l2_normalized(s->z.data, (const float *)prototypes->data + k * D, D);
			if (strcmp(classes[k], s->class)) {
				others += e;
				nearest = fmin(nearest, e);
			} else {
				own = e;
			}
		}
		if (isnan(own))
			return fail("class '%s' of '%s' has no prototype", s->class, s->key);
		d->own += own / l->n;
		d->others += K > 1 ? others / (double)(K - 1) / l->n : 0;
		d->nearest += nearest / l->n;
		d->nearest_right += own <= nearest ? 1.0 / l->n : 0;
	}
	return 0;
}

static double overlap(double a0, double a1, double b0, double b1)
{
	return fmax(0, fmin(a1, b1) - fmax(a0, b0));
}

double mass_inside(const struct array *A, const double box[4])
{
	int64_t M = A->shape[0], h = A->shape[1], w = A->shape[2];
	const float *v = A->data;
	double all = 0, in = 0;
	for (int64_t i = 0; i < M * h * w; i++) {
		int64_t y = i / w % h, x = i % w;
		double share_x =
		    overlap((double)x, (double)x + 1, box[0] * (double)w, box[2] * (double)w);
		double share_y =
		    overlap((double)y, (double)y + 1, box[1] * (double)h, box[3] * (double)h);
		all += v[i];
		in += v[i] * share_x * share_y;
	}
	return all > 0 ? in / all : 0;
}
