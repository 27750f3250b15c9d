#include "lib/fd2/distill/distill-resume.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/distill/phases.h"

int suspended_init(struct suspended *s, const char *out, bool resume, json_t *inputs)
{
	s->network.optim = &s->adam;
	checkpoint_init(&s->file, out, &s->network, 1, inputs);
	return checkpoint_check(&s->file, resume);
}

static int take_ids(struct index_batch *b, const json_t *ids, long ipc)
{
	b->indices = (int)json_array_size(ids);
	if (b->indices < 1 || b->indices > INDICES_MAX)
		return -1;
	for (int i = 0; i < b->indices; i++) {
		json_int_t id = json_integer_value(json_array_get(ids, (size_t)i));
		if (id < 1 || id > ipc)
			return -1;
		b->ids[i] = (int)id;
	}
	return 0;
}

static int take_state(struct suspended *s, json_t *state, const struct method *m, long ipc)
{
	struct index_batch *b = &s->batch;
	json_int_t begin, step;
	json_t *ids;
	if (json_unpack(state, "{s:i, s:i, s:o, s:i, s:I, s:I}", "first_class", &b->first,
	        "classes", &b->n, "images", &ids, "phase", &s->phase, "phase_begin", &begin, "step",
	        &step) ||
	    take_ids(b, ids, ipc) < 0 || step < 0 || step >= m->steps || begin < 0 ||
	    begin > step || s->phase != phase_at((long)step, m->steps, m->phases))
		return fail("cannot resume: '%s' holds no state of fd2-distill", s->file.path);
	s->phase_begin = (long)begin;
	s->step = (long)step;
	s->found = true;
	return 0;
}

int suspended_find(struct suspended *s, const struct method *m, long ipc)
{
	json_t *state = NULL;
	int err = checkpoint_state(&s->file, &state);
	if (!err && state)
		err = take_state(s, state, m, ipc);
	json_decref(state);
	return err;
}

const struct index_batch *suspended_or(const struct suspended *s, const struct index_batch *b)
{
	const struct index_batch *of = &s->batch;
	bool shares = false;
	for (int i = 0; i < of->indices; i++)
		for (int j = 0; j < b->indices; j++)
			shares |= of->ids[i] == b->ids[j];
	return s->found && shares && of->first == b->first && of->n == b->n ? of : b;
}

static void add(struct params *p, const char *name, Tensor *t)
{
	p->v = xrealloc(p->v, (size_t)p->n + 1, sizeof *p->v);
	p->v[p->n++] = (struct param){.name = name, .t = t};
}

static void add_moving(struct params *p, const struct moving *m, int turn)
{
	if (m->weight)
		add(p, key(p, "moving.%d.weight", turn), m->weight);
	for (int i = 0; i < m->n; i++)
		add(p, key(p, "moving.%d.%d", turn, i), m->v[i]);
}

/* Lists the current tensors of g; each phase has its own. */
static void list_tensors(struct suspended *s, struct learning *g)
{
	static const char *name = "x";
	params_forget(&s->params);
	add(&s->params, name, g->x);
	if (g->smooth)
		add(&s->params, "smooth", g->smooth);
	for (int t = 0; t < TEACHERS_MAX; t++)
		add_moving(&s->params, &g->moving[t], t);
	s->adam = (struct optim){.n = 1, .name = &name, .m = &g->m, .v = &g->v};
	s->network.params = &s->params;
}

static json_t *ids_of(const struct index_batch *b)
{
	json_t *ids = json_array();
	for (int i = 0; i < b->indices; i++)
		json_array_append_new(ids, json_integer(b->ids[i]));
	return ids;
}

static void tell(const struct suspended *s)
{
	const struct index_batch *b = &s->batch;
	say("resumed in image %d of classes %d-%d, after step %ld", b->ids[0], b->first,
	    b->first + b->n - 1, s->step);
	log_event(json_pack("{s:s, s:o, s:i, s:I}", "event", "resume", "images", ids_of(b),
	    "first_class", b->first, "step", (json_int_t)s->step));
}

int suspended_take(struct suspended *s, struct learning *g)
{
	json_t *state = NULL;
	list_tensors(s, g);
	int err = checkpoint_load(&s->file, &state);
	json_decref(state);
	s->found = false;
	if (!err)
		tell(s);
	return err;
}

int suspended_save(struct suspended *s, struct learning *g, long step)
{
	const struct index_batch *b = g->batch;
	list_tensors(s, g);
	return checkpoint_save(
	    &s->file, json_pack("{s:i, s:i, s:o, s:i, s:I, s:I}", "first_class", b->first,
	                  "classes", b->n, "images", ids_of(b), "phase", g->phase, "phase_begin",
	                  (json_int_t)g->phase_begin, "step", (json_int_t)step));
}

int suspended_stop(struct suspended *s, struct learning *g, long step, long steps)
{
	if (suspended_save(s, g, step) < 0)
		return -1;
	return stop_fail("'%s' has image %d of classes %d-%d after %ld of %ld steps; go on with "
	                 "--resume",
	    s->file.path, g->batch->ids[0], g->batch->first, g->batch->first + g->batch->n - 1,
	    step, steps);
}

void suspended_end(struct suspended *s)
{
	checkpoint_remove(&s->file);
	s->file.saved = elapsed();
}

void suspended_free(struct suspended *s)
{
	checkpoint_free(&s->file);
	params_forget(&s->params);
}
