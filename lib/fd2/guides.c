#include "lib/fd2/guides.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/batch.h"

static int read_prototypes(struct guide *g, const char *path, const char *teacher)
{
	struct array a;
	const char *made_with = NULL;
	int got = 0, ok = 0;
	struct stream_reader *s = stream_open(path, "protos");
	if (!s)
		return -1;
	json_unpack(stream_meta(s), "{s:{s:s}}", "inputs", "teacher", &made_with);
	if (!made_with || strcmp(made_with, g->teacher.digest))
		ok = fail("'%s' holds prototypes of another teacher (%s) than '%s' (%s)", path, made_with ? made_with : "unknown",
		    teacher, g->teacher.digest);
	while (!ok && (got = stream_next(s, &a)) > 0) {
		if (!strcmp(a.name, "prototypes") && a.rank == 2 && a.dtype == DT_F32 && a.shape[0] == g->teacher.classes &&
		    a.shape[1] == tensor_size(g->teacher.cal.prototypes, 1))
			g->prototypes = tensor_from(a.data, T_F32, a.rank, a.shape);
		array_free(&a);
	}
	if (got < 0)
		ok = -1;
	else if (!ok && !g->prototypes)
		ok = fail("'%s' holds no tensor 'prototypes' of %d classes for this teacher", path, g->teacher.classes);
	stream_close(s);
	return ok;
}

static int read_guide(struct guide *g, const struct distill_job *job, int i)
{
	const char *path = job->teachers.v[i];
	if (teacher_read(&g->teacher, path) < 0)
		return -1;
	params_freeze(&g->teacher.backbone.params, arithmetic());
	g->alpha = job->alpha < 0 ? g->teacher.alpha : job->alpha;
	if (job->protos.n)
		return read_prototypes(g, job->protos.v[i], path);
	g->prototypes = g->teacher.cal.prototypes;
	return 0;
}

int guides_read(struct guides *g, const struct distill_job *job)
{
	if (job->teachers.n > GUIDES_MAX)
		return fail("%d teachers were given; at most %d can be", job->teachers.n, GUIDES_MAX);
	for (; g->n < job->teachers.n; g->n++) {
		if (read_guide(&g->v[g->n], job, g->n) < 0)
			return -1;
		if (teachers_agree(job->teachers.v[0], &g->v[0].teacher, job->teachers.v[g->n], &g->v[g->n].teacher) < 0)
			return -1;
	}
	return 0;
}

int guides_find(const struct guides *g, const char *digest, const char *path, const char *what)
{
	for (int i = 0; digest && i < g->n; i++)
		if (!strcmp(g->v[i].teacher.digest, digest))
			return i;
	return fail("'%s' holds %s of another teacher (%s) than %s (%s%s)", path, what, digest ? digest : "unknown",
	    g->n > 1 ? "those given" : "the one given", g->v[0].teacher.digest, g->n > 1 ? ", ..." : "");
}

void guides_free(struct guides *g)
{
	for (int i = 0; i < GUIDES_MAX; i++)
		teacher_free(&g->v[i].teacher);
	*g = (struct guides){0};
}
