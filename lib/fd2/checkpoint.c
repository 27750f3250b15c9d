#include "lib/fd2/checkpoint.h"

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
			s.v[s.n++] = (struct param){key(&s, "optim.v.%s", o->name[i]), o->v[i], false};
	}
	return s;
}

int checkpoint_write(const char *out, const struct params *p, const struct optim *o, long epoch, double best, const char *data)
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
	    json_pack("{s:I, s:I, s:f, s:s}", "epoch", (json_int_t)epoch, "step", (json_int_t)o->step, "best", best, "data", data));
	struct stream_writer *w = stream_create(file, "checkpoint", meta);
	if (!w)
		return -1;
	struct params state = state_of(o);
	int ok = weights_put(w, "", p) < 0 ? -1 : weights_put(w, "", &state);
	params_forget(&state);
	if (ok < 0) {
		stream_abandon(w);
		return -1;
	}
	return stream_finish(w);
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
	json_object_foreach(b, key, value) if (!ok && !json_equal(json_object_get(a, key), value)) ok =
	    fail("cannot resume from '%s': it was made with another --%s", name, key);
	json_unpack(meta, "{s:{s:s}}", "state", "data", &was);
	if (!ok && (!was || strcmp(was, data)))
		ok = fail("cannot resume from '%s': it was made with other training images", name);
	json_decref(now);
	return ok;
}

static int take_all(struct stream_reader *r, const struct params *p, const struct params *state)
{
	struct weights_in weights, optim;
	struct array a;
	int got, taken = 1;
	weights_begin(&weights, p);
	weights_begin(&optim, state);
	while (taken > 0 && (got = stream_next(r, &a)) > 0) {
		taken = weights_take(&weights, a.name, &a);
		if (!taken)
			taken = weights_take(&optim, a.name, &a);
		if (!taken)
			fail("tensor '%s' is unknown", a.name);
		array_free(&a);
	}
	if (taken <= 0 || got < 0) {
		free(weights.seen);
		free(optim.seen);
		return -1;
	}
	int whole = weights_whole(&weights);
	return weights_whole(&optim) < 0 ? -1 : whole;
}

static int read_file(const char *name, const struct params *p, struct optim *o, long *epoch, double *best, const char *data)
{
	struct stream_reader *r = stream_open(name, "checkpoint");
	if (!r)
		return -1;
	json_int_t e = 0, s = 0;
	struct params state = state_of(o);
	int ok = same_settings(name, stream_meta(r), data);
	if (!ok && json_unpack(stream_meta(r), "{s:{s:I, s:I, s:F}}", "state", "epoch", &e, "step", &s, "best", best))
		ok = fail("cannot resume from '%s': it holds no state", name);
	if (!ok && take_all(r, p, &state) < 0)
		ok = fail("cannot resume from '%s': %s", name, fail_message());
	*epoch = (long)e;
	o->step = (long)s;
	params_forget(&state);
	stream_close(r);
	return ok;
}

int checkpoint_read(const char *out, const struct params *p, struct optim *o, long *epoch, double *best, const char *data)
{
	char *name = name_of(out);
	int ok = 0;
	if (name && !access(name, F_OK))
		ok = read_file(name, p, o, epoch, best, data);
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
