/* Checks whether a finished FILE has the lines that this run would write. */
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

/* A line of an earlier version has no "made_from", and passes. */
static bool same_origin(const struct evaluation *ev, const json_t *was)
{
	json_t *now = made_from(ev);
	bool same = !was || json_equal(was, now);
	json_decref(now);
	return same;
}

/* Compares a line of a finished FILE with what this run would write. */
static int check_task(const struct evaluation *ev, const struct student *s, const char *line)
{
	json_t *now = result_task(ev, s), *was = json_loads(line, 0, NULL);
	char *text = json_text(now);
	json_t *rounded = json_loads(text, 0, NULL);
	const char *path = ev->config->out.results;
	int err = json_is_object(was) ? entries_include(path, was, rounded)
	                              : fail("'%s' holds no results of fd2-eval", path);
	if (!err && !same_origin(ev, json_object_get(was, "made_from")))
		err = fail("'%s' was made with other options, labels or images", path);
	free(text);
	json_decref(now);
	json_decref(was);
	json_decref(rounded);
	return err;
}

/* Fails if an output that is asked for now was not written then. */
static int check_kept(const struct evaluation *ev, const char *path)
{
	return !path || !access(path, R_OK)
	           ? 0
	           : fail("'%s' is finished, and '%s' was not kept", ev->config->out.results, path);
}

/* Compares the lines of a finished FILE with those that this run would write. */
static int check_lines(const struct evaluation *ev, FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	int err = 0, n = 0;
	for (; !err && getline(&line, &size, f) > 0; n++)
		err = n < ev->config->n_students ? check_task(ev, &ev->students[n], line) : 0;
	free(line);
	if (!err && n != ev->config->n_students)
		err = fail("'%s' has %d students, not %d", ev->config->out.results, n,
		    ev->config->n_students);
	return err;
}

int evaluation_finished(const struct evaluation *ev)
{
	const struct eval_outputs *out = &ev->config->out;
	if (!out->resume || checkpoint_exists(&ev->checkpoint) || access(out->results, F_OK))
		return 0;
	FILE *f = fopen(out->results, "re");
	if (!f)
		return fail("cannot open '%s': %s", out->results, strerror(errno));
	int err = check_lines(ev, f);
	fclose(f);
	if (err || check_kept(ev, out->save) < 0 || check_kept(ev, out->report) < 0)
		return fail("%s; remove it, or leave --resume out", fail_message());
	out_made_already(out->results, ev->config->dry_run);
	return 1;
}
