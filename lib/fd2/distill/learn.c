#include "lib/fd2/distill/learn.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/stop.h"
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/distill/distill-resume.h"
#include "lib/fd2/distill/phases.h"
#include "lib/torch/pixels.h"

static int images_of(const struct index_batch *b)
{
	return b->indices * b->n;
}

static Tensor *labels_of(const struct index_batch *b)
{
	int n = images_of(b);
	int64_t *labels = xcalloc((size_t)n, sizeof *labels);
	for (int i = 0; i < n; i++)
		labels[i] = b->first + i % b->n;
	Tensor *t = tensor_from(labels, T_I64, 1, (int64_t[]){n});
	free(labels);
	return t;
}

static int no_start(const struct index_batch *b)
{
	return fail("cannot start image %d: %s", b->ids[0],
	    tensor_error() ? tensor_error() : fail_message());
}

/* Returns the initial images [N,3,S,S]. NULL: fail_message. */
static Tensor *render_start(struct learner *l, const struct index_batch *b)
{
	int S = l->method->stored_size, n = images_of(b);
	int err = initial_prepare(l->initial, b->first, b->n);
	float *pixels = xcalloc((size_t)n, 3 * (size_t)S * S * sizeof *pixels);
	for (int i = 0; i < n && !err && !stop_asked(); i++)
		err = initial_image(l->initial, pixels + (size_t)i * 3 * S * S, b->first + i % b->n,
		    b->ids[i / b->n]);
	Tensor *start = err ? NULL : tensor_clone(images_from(pixels, n, S, T_F32));
	free(pixels);
	if (start && stop_asked()) {
		stop_fail("the images that are finished are kept; go on with --resume");
		return NULL;
	}
	if (!start)
		no_start(b);
	return start;
}

static int start_learning(struct learner *l, struct learning *g)
{
	const struct index_batch *b = g->batch;
	bool compares = l->similarity && similarity_applies(l->similarity, b);
	g->labels = labels_of(b);
	g->losses = distill_step_losses();
	if ((compares && similarity_check(l->similarity, b) < 0) || tensor_error())
		return no_start(b);
	return 0;
}

static void end_phase(const struct learner *l, struct learning *g)
{
	for (int t = 0; t < l->teachers->n; t++)
		for (int compared = 0; compared < 2; compared++) {
			replay_free(g->replays[t][compared]);
			g->replays[t][compared] = NULL;
		}
	for (int t = 0; t < l->teachers->n; t++)
		moving_free(&g->moving[t]);
}

static void put_numbers(struct learning *g, int side)
{
	const struct index_batch *b = g->batch;
	struct pixel_view whole[INDICES_MAX] = {{0}};
	for (int i = 0; i < b->indices; i++)
		whole[i].w = whole[i].h = side;
	g->views = replace_tensor(g->views, tensor_views(whole, b->indices, side, side));
	g->adam = replace_tensor(g->adam, tensor_adam_numbers(1, &(struct adam_pixels){0}));
}

/* Begins a phase whose first images are in g->x. */
static int enter_phase(struct learner *l, struct learning *g, int phase, long begin)
{
	const struct view_size size = phase_size(l->method, phase);
	end_phase(l, g);
	for (int t = 0; t < l->teachers->n; t++)
		for (int compared = 0; compared < 2; compared++)
			g->replays[t][compared] = replay_new();
	g->phase = phase;
	g->phase_begin = begin;
	tensor_requires_grad_(g->x, true);
	g->m = replace_tensor(g->m, tensor_full_like(g->x, 0));
	g->v = replace_tensor(g->v, tensor_full_like(g->x, 0));
	put_numbers(g, size.image);
	step_allocate(l, g);
	if (l->similarity && similarity_applies(l->similarity, g->batch) &&
	    similarity_prepare(l->similarity, &g->compared, g->batch, &size) < 0)
		return -1;
	return tensor_error() ? fail("cannot start phase %d of image %d: %s", phase + 1,
	                            g->batch->ids[0], tensor_error())
	                      : 0;
}

static int begin_phase(
    struct learner *l, struct learning *g, const Tensor *start, int phase, long step)
{
	g->x = replace_tensor(
	    g->x, phase_start(l->method, g->x, start, l->method->image_sizes[phase]));
	return enter_phase(l, g, phase, step);
}

/* Restores the state that an interrupted run saved. Returns the step to take next, or -1. */
static long go_on(struct learner *l, struct learning *g)
{
	struct suspended *s = l->suspended;
	long step = s->step;
	int side = l->method->image_sizes[s->phase];
	int64_t shape[] = {images_of(g->batch), 3, side, side};
	g->x = tensor_channels_last(tensor_full(0, T_F32, 4, shape));
	if (enter_phase(l, g, s->phase, s->phase_begin) < 0 || suspended_take(s, g) < 0)
		return -1;
	l->steps_done += step * g->batch->indices;
	return step;
}

/* Returns whether a later phase starts with the initial images. */
static bool needs_start(const struct method *m, const struct learning *g)
{
	return g->phase < 0 || (m->connect && g->phase < m->phases - 1);
}

static int save_when_due(struct learner *l, struct learning *g, long step)
{
	struct suspended *s = l->suspended;
	bool stops = stop_asked(), every = l->save_every && step && step % l->save_every == 0;
	if (!stops && !(every && s->file.path) && !checkpoint_due(&s->file))
		return 0;
	if (distill_step_settle(g, step) < 0)
		return -1;
	return stops ? suspended_stop(s, g, step, l->method->steps) : suspended_save(s, g, step);
}

/* Takes the steps from `step` on. Frees start, the initial images, once no phase needs it. */
static int take_steps(struct learner *l, struct learning *g, Tensor *start, long step)
{
	const struct method *m = l->method;
	int err = 0;
	for (; step < m->steps && !err; step++) {
		int phase = phase_at(step, m->steps, m->phases);
		if (phase != g->phase) {
			err = begin_phase(l, g, start, phase, step);
			if (phase == m->phases - 1)
				start = replace_tensor(start, NULL);
		}
		if (!err)
			err = save_when_due(l, g, step);
		if (!err)
			err = distill_step_take(l, g, step);
	}
	end_phase(l, g);
	return err;
}

Tensor *learn_index_batch(struct learner *l, const struct index_batch *b)
{
	struct learning g = {.batch = b, .phase = -1};
	Tensor *start = NULL;
	if (start_learning(l, &g) < 0)
		return NULL;
	long step = b == &l->suspended->batch ? go_on(l, &g) : 0;
	if (step < 0 || (needs_start(l->method, &g) && !(start = render_start(l, b)))) {
		end_phase(l, &g);
		return NULL;
	}
	if (!l->method->steps)
		return start;
	int err = take_steps(l, &g, start, step);
	free(g.statistics.v);
	free(g.convs.v);
	if (err < 0)
		return NULL;
	Tensor *x = phase_resize(g.x, l->method->stored_size);
	return x ? x : fail_null("cannot finish image %d: %s", b->ids[0], tensor_error());
}
