#include "lib/nn/checkpoint.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/claim.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/opts.h"
#include "lib/base/out.h"
#include "lib/base/progress.h"
#include "lib/base/provenance.h"
#include "lib/nn/weights.h"

/* A kill -9 loses the work since the last save. Saves are spaced to take `share` of the time, but
 * at least least_lost and at most most_lost seconds apart. */
static const double least_lost = 5, most_lost = 45, share = 0.02;

/* Returns "FILE.ckpt", where FILE is what `out` names once links are followed. The caller frees
 * it. */
static char *path_of(const char *out)
{
	char *target = io_target(out), *path = xasprintf("%s.ckpt", target ? target : out);
	free(target);
	return path;
}

void checkpoint_init(
    struct checkpoint *c, const char *out, struct trained *networks, int n, json_t *inputs)
{
	*c = (struct checkpoint){.path = out_is_file(out) ? path_of(out) : NULL,
	    .networks = networks,
	    .n = n,
	    .inputs = inputs,
	    .saved = elapsed(),
	    .cost = most_lost * share,
	    .lock = -1};
}

static void unlock(struct checkpoint *c)
{
	if (c->lock >= 0)
		close(c->lock);
	c->lock = -1;
}

void checkpoint_free(struct checkpoint *c)
{
	if (c->path)
		unlock(c);
	free(c->path);
	json_decref(c->inputs);
	*c = (struct checkpoint){.lock = -1};
}

bool checkpoint_exists(const struct checkpoint *c)
{
	return c->path && !access(c->path, F_OK);
}

bool checkpoint_left(const char *out)
{
	struct checkpoint c;
	checkpoint_init(&c, out, NULL, 0, NULL);
	bool left = checkpoint_exists(&c);
	checkpoint_free(&c);
	return left;
}

int checkpoint_check(const struct checkpoint *c, bool resume)
{
	bool exists = checkpoint_exists(c);
	if (c->path && !exists && errno == ENAMETOOLONG)
		return fail("cannot write '%s': %s", c->path, strerror(errno));
	if (resume || !exists)
		return 0;
	int lock = lock_file(c->path);
	if (lock < 0)
		return -1;
	close(lock);
	return fail(
	    "'%s' is the state of an interrupted run: go on with --resume, or remove it", c->path);
}

bool checkpoint_due(const struct checkpoint *c)
{
	double every = fmin(fmax(c->cost / share, least_lost), most_lost);
	return c->path && elapsed() - c->saved > every;
}

/* Returns the optimiser's state as parameters ("optim.m.conv1.weight"); free with params_forget. */
static struct params state_of(const struct optim *o)
{
	struct params s = {0};
	s.v = xcalloc(2 * (size_t)o->n + 1, sizeof *s.v);
	for (int i = 0; i < o->n; i++) {
		s.v[s.n++] = (struct param){key(&s, "optim.m.%s", o->name[i]), o->m[i], false};
		if (o->v)
			s.v[s.n++] =
			    (struct param){key(&s, "optim.v.%s", o->name[i]), o->v[i], false};
	}
	return s;
}

static int put_network(struct stream_writer *w, const struct trained *t)
{
	struct params state = state_of(t->optim);
	int err = weights_put(w, t->prefix, t->params);
	if (!err)
		err = weights_put(w, t->prefix, &state);
	if (!err && t->average)
		err = weights_put(w, t->prefix, t->average);
	params_forget(&state);
	return err;
}

static json_t *steps_of(const struct checkpoint *c)
{
	json_t *steps = json_array();
	for (int i = 0; i < c->n; i++)
		json_array_append_new(steps, json_integer(c->networks[i].optim->step));
	return steps;
}

static int write_file(const struct checkpoint *c, json_t *meta)
{
	struct stream_writer *w = fd2_stream_create(c->path, "checkpoint", meta);
	if (!w)
		return -1;
	for (int i = 0; i < c->n; i++)
		if (put_network(w, &c->networks[i]) < 0) {
			fd2_stream_abandon(w);
			return -1;
		}
	return fd2_stream_finish(w);
}

int checkpoint_save(struct checkpoint *c, json_t *state)
{
	double start = elapsed();
	json_t *meta = opts_provenance();
	json_object_set(meta, "inputs", c->inputs);
	json_object_set_new(meta, "state", state);
	json_object_set_new(meta, "steps", steps_of(c));
	if (write_file(c, meta) < 0)
		return -1;
	c->saved = elapsed();
	c->cost = c->saved - start;
	unlock(c);
	c->lock = lock_file(c->path);
	return c->lock < 0 ? -1 : 0;
}

/* An input that only one of the runs had is a difference too: options that name files are not
 * recorded. */
static int inputs_agree(const struct checkpoint *c, const json_t *was)
{
	const json_t *sides[] = {c->inputs, was};
	const char *name;
	json_t *value;
	for (int i = 0; i < 2; i++)
		json_object_foreach ((json_t *)sides[i], name, value)
			if (!json_equal(
			        json_object_get(c->inputs, name), json_object_get(was, name)))
				return fail("'%s' was made from other inputs (%s)", c->path, name);
	return 0;
}

static int check_meta(struct checkpoint *c, json_t *meta)
{
	json_t *now = opts_provenance(), *steps = json_object_get(meta, "steps");
	int err = options_equal(
	    c->path, json_object_get(meta, "options"), json_object_get(now, "options"));
	json_decref(now);
	if (!err)
		err = inputs_agree(c, json_object_get(meta, "inputs"));
	if (!err && (!json_is_object(json_object_get(meta, "state")) ||
	                json_array_size(steps) != (size_t)c->n))
		err = fail("'%s' holds no state of training", c->path);
	for (int i = 0; !err && i < c->n; i++)
		c->networks[i].optim->step =
		    (long)json_integer_value(json_array_get(steps, (size_t)i));
	return err;
}

/* What a network's tensors fill: its parameters, its optimiser's state and its average. */
struct filling {
	enum { LISTS = 3 } lists;
	struct params state, none;
	struct weights_in in[LISTS];
};

static void begin(struct filling *f, const struct trained *t)
{
	*f = (struct filling){.state = state_of(t->optim)};
	weights_begin(&f->in[0], t->params);
	weights_begin(&f->in[1], &f->state);
	weights_begin(&f->in[2], t->average ? t->average : &f->none);
}

static int end(struct filling *f)
{
	int err = 0;
	for (int i = 0; i < LISTS; i++)
		if (weights_whole(&f->in[i]) < 0)
			err = -1;
	params_forget(&f->state);
	return err;
}

static int take(const struct checkpoint *c, struct filling *f, const struct array *a)
{
	int taken = 0;
	for (int i = 0; i < c->n && !taken; i++) {
		size_t n = strlen(c->networks[i].prefix);
		for (int k = 0; k < LISTS && !taken && !strncmp(a->name, c->networks[i].prefix, n);
		     k++)
			taken = weights_take(&f[i].in[k], a->name + n, a);
	}
	return taken ? taken : fail("tensor '%s' is unknown", a->name);
}

static int take_all(const struct checkpoint *c, struct stream_reader *r)
{
	struct filling *f = xcalloc((size_t)c->n, sizeof *f);
	struct array a;
	int got = 0, err = 0;
	for (int i = 0; i < c->n; i++)
		begin(&f[i], &c->networks[i]);
	while (!err && (got = fd2_stream_next(r, &a)) > 0) {
		err = take(c, f, &a) < 0 ? -1 : 0;
		fd2_array_free(&a);
	}
	char *why = got < 0 || err ? xstrdup(fail_message()) : NULL;
	for (int i = 0; i < c->n; i++)
		if (end(&f[i]) < 0)
			err = -1;
	if (got < 0) /* this message already names the file */
		err = fail("%s", why);
	else if (err)
		err = fail("'%s': %s", c->path, why ? why : fail_message());
	free(why);
	free(f);
	return err;
}

static int load(struct checkpoint *c, bool tensors, json_t **state)
{
	*state = NULL;
	if (!checkpoint_exists(c))
		return 0;
	if (c->lock < 0 && (c->lock = lock_file(c->path)) < 0)
		return -1;
	struct stream_reader *r = fd2_stream_open(c->path, "checkpoint");
	int err = r ? check_meta(c, fd2_stream_meta(r)) : -1;
	if (!err && tensors)
		err = take_all(c, r);
	if (err)
		fail("cannot resume: %s", fail_message());
	else
		*state = json_incref(json_object_get(fd2_stream_meta(r), "state"));
	if (r)
		fd2_stream_close(r);
	return err;
}

int checkpoint_state(struct checkpoint *c, json_t **state)
{
	return load(c, false, state);
}

int checkpoint_load(struct checkpoint *c, json_t **state)
{
	return load(c, true, state);
}

void checkpoint_remove(struct checkpoint *c)
{
	if (c->path)
		unlink(c->path);
	unlock(c);
}
