#include "lib/fd2/teacher/checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/nn/weights.h"

static char *name_of(const char *out)
{
	return out && strcmp(out, "-") ? xasprintf("%s.ckpt", out) : NULL;
}

/* The optimiser's state as parameters of its own: "optim.m.conv1.weight". */
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

static int put_all(struct stream_writer *w, const struct training *t)
{
	struct params state = state_of(t->optim);
	int ok = weights_put(w, "", t->params);
	if (!ok)
		ok = weights_put(w, "", &state);
	if (!ok && t->average)
		ok = weights_put(w, "", t->average);
	params_forget(&state);
	return ok;
}

int checkpoint_write(const char *out, const struct training *t)
{
	char *name = name_of(out);
	if (!name)
		return 0;
	struct out *file = out_open(name, 0);
	free(name);
	if (!file)
		return -1;
	json_t *meta = fd2_provenance();
	json_object_set_new(meta, "state",
	    json_pack("{s:I, s:I, s:s, s:[I,f,f]}", "epoch", (json_int_t)t->epoch, "step",
	        (json_int_t)t->optim->step, "data", t->data, "best", (json_int_t)t->best.epoch,
	        t->best.backbone, t->best.cal));
	struct stream_writer *w = stream_create(file, "checkpoint", meta);
	if (!w)
		return -1;
	if (!put_all(w, t))
		return stream_finish(w);
	stream_abandon(w);
	return -1;
}

/* Settings that the checkpoint was made with must be this run's. */
static int same_settings(const char *name, json_t *meta, const char *data)
{
	json_t *now = fd2_provenance(), *a, *b;
	const char *key, *was = NULL;
	int ok = 0;
	a = json_object_get(meta, "options");
	b = json_object_get(now, "options");
	json_t *value;
	json_object_foreach (b, key, value)
		if (!ok && !json_equal(json_object_get(a, key), value))
			ok = fail(
			    "cannot resume from '%s': it was made with another --%s", name, key);
	json_unpack(meta, "{s:{s:s}}", "state", "data", &was);
	if (!ok && (!was || strcmp(was, data)))
		ok = fail("cannot resume from '%s': it was made with other training images", name);
	json_decref(now);
	return ok;
}

enum { LISTS = 3 };

/* 1: taken by one of the lists; 0 or -1 as weights_take. */
static int take(struct weights_in in[LISTS], const struct array *a)
{
	int taken = 0;
	for (int i = 0; i < LISTS && !taken; i++)
		taken = weights_take(&in[i], a->name, a);
	return taken ? taken : fail("tensor '%s' is unknown", a->name);
}

static int take_all(struct stream_reader *r, const struct training *t)
{
	struct params state = state_of(t->optim), none = {0};
	const struct params *lists[LISTS] = {t->params, &state, t->average ? t->average : &none};
	struct weights_in in[LISTS];
	struct array a;
	int got, ok = 0;
	for (int i = 0; i < LISTS; i++)
		weights_begin(&in[i], lists[i]);
	while (!ok && (got = stream_next(r, &a)) > 0) {
		ok = take(in, &a) < 0 ? -1 : 0;
		array_free(&a);
	}
	for (int i = 0; i < LISTS; i++)
		if (weights_whole(&in[i]) < 0 && got >= 0)
			ok = -1;
	params_forget(&state);
	return got < 0 ? -1 : ok;
}

static int read_file(const char *name, struct training *t)
{
	struct stream_reader *r = stream_open(name, "checkpoint");
	if (!r)
		return -1;
	json_int_t e = 0, s = 0, best = 0;
	struct best *b = &t->best;
	int ok = same_settings(name, stream_meta(r), t->data);
	if (!ok && json_unpack(stream_meta(r), "{s:{s:I, s:I, s:[I,F,F]}}", "state", "epoch", &e,
	               "step", &s, "best", &best, &b->backbone, &b->cal))
		ok = fail("cannot resume from '%s': it holds no state", name);
	if (!ok && take_all(r, t) < 0)
		ok = fail("cannot resume from '%s': %s", name, fail_message());
	b->epoch = (long)best;
	t->epoch = (long)e;
	t->optim->step = (long)s;
	stream_close(r);
	return ok;
}

bool checkpoint_exists(const char *out)
{
	char *name = name_of(out);
	bool exists = name && !access(name, F_OK);
	free(name);
	return exists;
}

int checkpoint_read(const char *out, struct training *t)
{
	char *name = name_of(out);
	int ok = checkpoint_exists(out) ? read_file(name, t) : 0;
	free(name);
	return ok;
}

void checkpoint_remove(const char *out)
{
	char *name = name_of(out);
	if (name)
		unlink(name);
	free(name);
}
