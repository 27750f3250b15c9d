#include "lib/fd2/distill/guides.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/batch.h"

static int read_prototypes(struct guide *g, const char *path, const char *teacher)
{
	struct array a;
	const char *made_with = NULL;
	bool found = false;
	int got = 0, ok = 0;
	struct stream_reader *s = stream_open(path, "protos");
	if (!s)
		return -1;
	json_unpack(stream_meta(s), "{s:{s:s}}", "inputs", "teacher", &made_with);
	if (!made_with || strcmp(made_with, g->teacher->digest))
		ok = made_with
		         ? fail("'%s' holds prototypes of another teacher (%s) than '%s' (%s)",
		               path, made_with, teacher, g->teacher->digest)
		         : fail("'%s' does not say which teacher it is of: its meta has no "
		                "inputs.teacher",
		               path);
	while (!ok && (got = stream_next(s, &a)) > 0) {
		if (!strcmp(a.name, "prototypes") && a.rank == 2 && a.dtype == DT_F32 &&
		    a.shape[0] == g->teacher->classes &&
		    a.shape[1] == tensor_size(g->teacher->cal.prototypes, 1)) {
			g->prototypes = tensor_from(a.data, T_F32, a.rank, a.shape);
			found = true;
		}
		array_free(&a);
	}
	if (got < 0)
		ok = -1;
	else if (!ok && !found)
		ok = fail("'%s' holds no tensor 'prototypes' of %d classes for this teacher", path,
		    g->teacher->classes);
	else if (!ok)
		strcpy(g->digest, stream_digest(s));
	stream_close(s);
	return ok;
}

int guides_read(struct guides *g, const struct distill_job *job)
{
	if (teachers_read(&g->teachers, &job->teachers) < 0)
		return -1;
	for (int i = 0; i < g->teachers.n; i++) {
		struct guide *v = &g->v[i];
		v->teacher = &g->teachers.v[i];
		v->alpha = job->alpha < 0 ? v->teacher->alpha : job->alpha;
		v->prototypes = v->teacher->cal.prototypes;
		if (job->protos.n && !job->plain &&
		    read_prototypes(v, job->protos.v[i], job->teachers.v[i]) < 0)
			return -1;
	}
	return 0;
}

void guides_free(struct guides *g)
{
	teachers_free(&g->teachers);
	*g = (struct guides){.teachers = {.n = 0}};
}

void guides_describe(const struct guides *g, json_t *inputs)
{
	json_t *digests = json_array();
	teachers_describe(&g->teachers, inputs);
	for (int i = 0; i < g->teachers.n && *g->v[i].digest; i++)
		json_array_append_new(digests, json_string(g->v[i].digest));
	if (json_array_size(digests))
		json_object_set(inputs, "prototypes", digests);
	json_decref(digests);
}

int guides_find(const struct guides *g, const char *digest, const char *path, const char *what)
{
	for (int i = 0; digest && i < g->teachers.n; i++)
		if (!strcmp(g->teachers.v[i].digest, digest))
			return i;
	return fail("'%s' holds %s of another teacher (%s) than %s (%s%s)", path, what,
	    digest ? digest : "unknown", g->teachers.n > 1 ? "those given" : "the one given",
	    g->teachers.v[0].digest, g->teachers.n > 1 ? ", ..." : "");
}
