#include "lib/fd2/teacher/teacher.h"

#include <stdlib.h>
#include <string.h>

#include "formats/input.h"
#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/nn/weights.h"

static int build(struct teacher *t, const char *arch, int maps, uint64_t seed, bool bare)
{
	struct arch_options options = {
	    .classes = t->classes, .size = t->size, .last_stride = t->last_stride, .bare = bare};
	if (backbone_init(&t->backbone, arch, &options, seed) < 0)
		return -1;
	if (maps)
		cal_init(
		    &t->cal, &t->backbone.params, t->backbone.arch->channels, maps, t->classes);
	return tensor_error() ? fail("cannot build the teacher: %s", tensor_error()) : 0;
}

int teacher_init(struct teacher *t, const char *arch, int maps, uint64_t seed)
{
	return build(t, arch, maps, seed, false);
}

void teacher_free(struct teacher *t)
{
	backbone_free(&t->backbone);
	names_free(t->class_names, t->classes);
	*t = (struct teacher){0};
}

struct teacher_out teacher_forward(
    const struct teacher *t, const Tensor *x, const struct pass *pass)
{
	struct teacher_out o = {.F = backbone_features(&t->backbone, x, pass)};
	if (t->cal.maps) {
		o.A = cal_attention(&t->cal, o.F, pass);
		o.z = bilinear_attention_pooling(o.F, o.A);
	}
	o.p_bb = backbone_logits(&t->backbone, o.F, pass);
	if (t->cal.maps)
		o.p_raw = cal_logits(&t->cal, o.z);
	return o;
}

Tensor *teacher_effect(
    const struct teacher *t, const struct teacher_out *o, const Tensor *counterfactual)
{
	const Tensor *A = counterfactual ? counterfactual : tensor_full_like(o->A, 1);
	return tensor_sub(o->p_raw, cal_logits(&t->cal, bilinear_attention_pooling(o->F, A)));
}

int teacher_write(const struct teacher *t, struct out *out, json_t *provenance)
{
	json_object_set_new(provenance, "arch", json_string(t->backbone.arch->name));
	json_object_set_new(
	    provenance, "classes", names_to_json((const char *const *)t->class_names, t->classes));
	json_object_set_new(provenance, "maps", json_integer(t->cal.maps));
	json_object_set_new(provenance, "size", json_integer(t->size));
	json_object_set_new(provenance, "last_stride", json_integer(t->last_stride));
	json_object_set_new(provenance, "fit", json_string(fit_name(t->fit)));
	json_object_set_new(provenance, "alpha", json_real(t->alpha));
	json_object_set_new(provenance, "mean", numbers_to_json(t->normal.mean, 3));
	json_object_set_new(provenance, "std", numbers_to_json(t->normal.std, 3));
	struct stream_writer *w = stream_create(out, "teacher", provenance);
	if (!w)
		return -1;
	if (weights_put(w, "", &t->backbone.params) < 0) {
		fd2_stream_abandon(w);
		return -1;
	}
	return fd2_stream_finish(w);
}

/* Rebuilds an empty teacher from a header; everything is checked, since it may come from another
 * program. */
static int from_meta(struct teacher *t, const json_t *meta)
{
	const char *arch = NULL, *fit = NULL;
	json_t *classes = NULL;
	json_error_t e;
	int maps = 0;
	double *mean = t->normal.mean, *std = t->normal.std;
	if (json_unpack_ex((json_t *)meta, &e, 0,
	        "{s:s, s:s, s:o, s:i, s:i, s:i, s:F, s:[FFF], s:[FFF]}", "arch", &arch, "fit", &fit,
	        "classes", &classes, "maps", &maps, "size", &t->size, "last_stride",
	        &t->last_stride, "alpha", &t->alpha, "mean", &mean[0], &mean[1], &mean[2], "std",
	        &std[0], &std[1], &std[2]))
		return fail("its meta is not a teacher's: %s", e.text);
	if (maps < 0 || maps > MAPS_MAX || t->size < 8 || t->size > 4096 ||
	    (t->last_stride != 1 && t->last_stride != 2) || json_array_size(classes) < 1 ||
	    json_array_size(classes) > 100000 || !(std[0] > 0 && std[1] > 0 && std[2] > 0) ||
	    !(t->alpha >= 0 && t->alpha <= 1))
		return fail("its meta holds a value out of range");
	t->fit = fit_of(fit);
	if (t->fit == FIT_NONE)
		return fail("its meta has fit '%s', expected one of " FIT_CHOICES, fit);
	t->class_names = names_from_json(classes, &t->classes);
	if (!t->class_names)
		return fail("its meta has a class name that is not text");
	return build(t, arch, maps, 0, true);
}

int teacher_read_tensors(struct teacher *t, struct stream_reader *r)
{
	struct weights_in in;
	struct array a;
	int got;
	weights_begin(&in, &t->backbone.params);
	while ((got = fd2_stream_next(r, &a)) > 0) {
		int taken = weights_take(&in, a.name, &a);
		if (!taken)
			fail("tensor '%s' is not part of a %s teacher", a.name,
			    t->backbone.arch->name);
		fd2_array_free(&a);
		if (taken <= 0)
			break;
	}
	if (got != 0) {
		free(in.seen);
		return -1;
	}
	return weights_whole(&in);
}

/* Returns whether fail_message begins with the file's name. */
static bool names_file(const char *path)
{
	const char *message = fail_message(), *name = input_name_of(path);
	size_t n = strlen(name);
	return message[0] == '\'' && !strncmp(message + 1, name, n) && message[n + 1] == '\'';
}

int teacher_read(struct teacher *t, const char *path)
{
	*t = (struct teacher){0};
	struct stream_reader *r = fd2_stream_open(path, "teacher");
	if (!r)
		return -1;
	int err = stream_require(r, "arch classes maps size last_stride fit alpha mean std");
	if (!err)
		err = from_meta(t, fd2_stream_meta(r));
	if (!err)
		err = teacher_read_tensors(t, r);
	if (!err)
		strcpy(t->digest, fd2_stream_digest(r));
	fd2_stream_close(r);
	if (err < 0) {
		teacher_free(t);
		return names_file(path) ? -1
		                        : fail("cannot use '%s' as a teacher: %s",
		                              input_name_of(path), fail_message());
	}
	return 0;
}

int teacher_check_cal(const struct teacher *t, const char *path)
{
	return t->cal.maps ? 0
	                   : fail("'%s' is a classifier without CAL: it has no attention maps and "
	                          "no prototypes",
	                         input_name_of(path));
}

struct dataset_options teacher_dataset(const struct teacher *t)
{
	return (struct dataset_options){.fit = t->fit,
	    .size = t->size,
	    .known = (const char *const *)t->class_names,
	    .n_known = t->classes,
	    .known_by = "the teacher"};
}

int classes_agree(
    const char *what_a, char *const *a, int n_a, const char *what_b, const char *const *b, int n_b)
{
	for (int i = 0; i < n_a && i < n_b; i++)
		if (strcmp(a[i], b[i]))
			return fail("classes differ: class %d is '%s' in %s and '%s' in %s", i,
			    a[i], what_a, b[i], what_b);
	return n_a == n_b ? 0
	                  : fail("classes differ: %d in %s, %d in %s", n_a, what_a, n_b, what_b);
}

int teachers_agree(
    const char *path_a, const struct teacher *a, const char *path_b, const struct teacher *b)
{
	if (classes_agree(path_a, a->class_names, a->classes, path_b,
	        (const char *const *)b->class_names, b->classes) < 0)
		return -1;
	if (a->size != b->size)
		return fail("'%s' sees images of %d pixels and '%s' of %d: teachers must agree",
		    path_a, a->size, path_b, b->size);
	if (memcmp(&a->normal, &b->normal, sizeof a->normal))
		return fail("'%s' and '%s' normalise images with another mean or deviation: "
		            "teachers must agree",
		    path_a, path_b);
	return 0;
}
