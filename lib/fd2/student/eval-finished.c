/* Whether a finished FILE has the lines that this run would write. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/out.h"
#include "lib/base/provenance.h"
#include "lib/fd2/student/eval-report.h"
#include "lib/fd2/student/evaluation.h"

/* An earlier version's line does not say. */
static bool same_origin(const struct evaluation *e, const json_t *was)
{
	json_t *now = made_from(e);
	bool same = !was || json_equal(was, now);
	json_decref(now);
	return same;
}

/* A line of a finished FILE against what this run would write. */
static int same_task(const struct evaluation *e, const struct student *s, const char *line)
{
	json_t *now = result_task(e, s), *was = json_loads(line, 0, NULL);
	char *text = json_text(now);
	json_t *rounded = json_loads(text, 0, NULL);
	const char *path = e->config->out.results;
	int err = json_is_object(was) ? entries_include(path, was, rounded)
	                              : fail("'%s' holds no results of fd2-eval", path);
	if (!err && !same_origin(e, json_object_get(was, "made_from")))
		err = fail("'%s' was made with other options, labels or images", path);
	free(text);
	json_decref(now);
	json_decref(was);
	json_decref(rounded);
	return err;
}

/* What was not written cannot be added. */
static int was_kept(const struct evaluation *e, const char *path)
{
	return !path || !access(path, R_OK)
	           ? 0
	           : fail("'%s' is finished, and '%s' was not kept", e->config->out.results, path);
}

/* The lines of a finished FILE against those that this run would write. */
static int same_lines(const struct evaluation *e, FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	int err = 0, n = 0;
	for (; !err && getline(&line, &size, f) > 0; n++)
		err = n < e->config->n_students ? same_task(e, &e->students[n], line) : 0;
	free(line);
	if (!err && n != e->config->n_students)
		err = fail("'%s' has %d students, not %d", e->config->out.results, n,
		    e->config->n_students);
	return err;
}

int evaluation_finished(const struct evaluation *e)
{
	const struct eval_outputs *out = &e->config->out;
	if (!out->resume || checkpoint_exists(&e->checkpoint) || access(out->results, F_OK))
		return 0;
	FILE *f = fopen(out->results, "re");
	if (!f)
		return fail("cannot open '%s': %s", out->results, strerror(errno));
	int err = same_lines(e, f);
	fclose(f);
	if (err || was_kept(e, out->save) < 0 || was_kept(e, out->report) < 0)
		return fail("%s; remove it, or leave --resume out", fail_message());
	out_made_already(out->results, e->config->dry_run);
	return 1;
}
