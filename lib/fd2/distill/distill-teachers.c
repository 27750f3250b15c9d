#include "lib/fd2/distill/distill-teachers.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/batch.h"

int distill_check_made_with(struct stream_reader *s, const char *path, const char *what,
    const struct teacher *t, const char *teacher_path)
{
	const char *made_with = NULL;
	json_unpack(fd2_stream_meta(s), "{s:{s:s}}", "inputs", "teacher", &made_with);
	if (!made_with)
		return fail("'%s' does not say which teacher it is of: its meta has no "
		            "inputs.teacher",
		    path);
	if (strcmp(made_with, t->digest) != 0)
		return fail("'%s' holds %s of another teacher (%.12s...) than '%s' (%.12s...)",
		    path, what, made_with, teacher_path, t->digest);
	return 0;
}

static bool fits(const struct array *a, const struct teacher *t)
{
	return !strcmp(a->name, "prototypes") && a->rank == 2 && a->dtype == DT_F32 &&
	       a->shape[0] == t->classes && a->shape[1] == tensor_size(t->cal.prototypes, 1);
}

static int read_prototypes(struct distill_teacher *t, const char *path, const char *teacher)
{
	struct array a;
	bool found = false;
	int got = 0;
	struct stream_reader *s = fd2_stream_open(path, "protos");
	if (!s)
		return -1;
	int err = distill_check_made_with(s, path, "prototypes", t->teacher, teacher);
	while (!err && (got = fd2_stream_next(s, &a)) > 0) {
		if (fits(&a, t->teacher)) {
			t->prototypes = tensor_from(a.data, T_F32, a.rank, a.shape);
			found = true;
			if (!array_finite(&a))
				err = fail("'%s': tensor '%s' is not finite", path, a.name);
		}
		fd2_array_free(&a);
	}
	if (got < 0)
		err = -1;
	else if (!err && !found)
		err = fail("'%s' has no tensor 'prototypes' of %d classes for this teacher", path,
		    t->teacher->classes);
	else if (!err)
		strcpy(t->digest, fd2_stream_digest(s));
	fd2_stream_close(s);
	return err;
}

int distill_teachers_read(
    struct distill_teachers *t, const struct distill_teachers_config *config, bool plain)
{
	if (teachers_read(&t->read, &config->paths) < 0)
		return -1;
	t->n = t->read.n;
	for (int i = 0; i < t->n; i++) {
		struct distill_teacher *v = &t->v[i];
		v->teacher = &t->read.v[i];
		if (!plain && teacher_check_cal(v->teacher, config->paths.v[i]) < 0)
			return fail("%s; only --plain works without them", fail_message());
		targets_init(&v->targets, v->teacher);
		v->alpha = config->alpha < 0 ? v->teacher->alpha : config->alpha;
		v->prototypes = v->teacher->cal.prototypes;
		if (config->protos.n && !plain &&
		    read_prototypes(v, config->protos.v[i], config->paths.v[i]) < 0)
			return -1;
	}
	return 0;
}

int distill_teachers_read_targets(
    struct distill_teachers *t, const struct distill_teachers_config *config, bool convs)
{
	for (int i = 0; i < t->n; i++)
		if (targets_read(&t->v[i].targets, t->v[i].teacher, config->statistics.v[i],
		        config->paths.v[i], convs) < 0)
			return -1;
	return 0;
}

void distill_teachers_free(struct distill_teachers *t)
{
	for (int i = 0; i < t->n; i++)
		targets_free(&t->v[i].targets);
	teachers_free(&t->read);
	*t = (struct distill_teachers){.n = 0};
}

static void describe(json_t *inputs, const char *what, const char *digest)
{
	json_t *digests = json_object_get(inputs, what);
	if (!*digest)
		return;
	if (!digests)
		json_object_set_new(inputs, what, digests = json_array());
	json_array_append_new(digests, json_string(digest));
}

void distill_teachers_describe(const struct distill_teachers *t, json_t *inputs)
{
	teachers_describe(&t->read, inputs);
	for (int i = 0; i < t->n; i++) {
		describe(inputs, "prototypes", t->v[i].digest);
		describe(inputs, "statistics", t->v[i].targets.digest);
	}
}

int distill_teachers_find(const struct distill_teachers *t, const char *digest, const char *path)
{
	for (int i = 0; digest && i < t->n; i++)
		if (!strcmp(t->v[i].teacher->digest, digest))
			return i;
	return fail("'%s' holds attention of another teacher (%.12s%s) than %s (%.12s...%s)", path,
	    digest ? digest : "unknown", digest ? "..." : "",
	    t->n > 1 ? "those given" : "the one given", t->v[0].teacher->digest,
	    t->n > 1 ? ", ..." : "");
}
