#include "lib/fd2/distill/learn.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/distill/phases.h"
#include "lib/fd2/distill/step.h"
#include "lib/torch/pixels.h"

static int side_of(const struct learner *l)
{
	return l->teachers->v[0].teacher->size;
}

/* The initial images [N,3,S,S], and g's labels. NULL: fail_message. */
static Tensor *render_start(struct learner *l, struct learning *g)
{
	const struct index_batch *b = g->batch;
	int S = side_of(l), n = b->indices * b->n;
	Tensor *start = NULL;
	float *pixels = xcalloc((size_t)n, 3 * (size_t)S * S * sizeof *pixels);
	int64_t *labels = xcalloc((size_t)n, sizeof *labels);
	int err = initial_prepare(l->initial, b->first, b->n);
	for (int i = 0; i < n && !err; i++) {
		labels[i] = b->first + i % b->n;
		err = initial_image(l->initial, pixels + (size_t)i * 3 * S * S, b->first + i % b->n,
		    b->ids[i / b->n]);
	}
	if (!err) {
		g->labels = tensor_from(labels, T_I64, 1, (int64_t[]){n});
		start = tensor_clone(images_from(pixels, n, S, T_F32));
	}
	free(pixels);
	free(labels);
	return start;
}

static Tensor *start_learning(struct learner *l, struct learning *g)
{
	const struct index_batch *b = g->batch;
	Tensor *start = render_start(l, g);
	bool compares = l->similarity && similarity_applies(l->similarity, b);
	g->losses = step_losses();
	if (start && compares && similarity_check(l->similarity, b) < 0)
		start = NULL;
	if (!start || tensor_error())
		return fail_null("cannot start image %d: %s", b->ids[0],
		    tensor_error() ? tensor_error() : fail_message());
	return start;
}

static void end_phase(const struct learner *l, struct learning *g)
{
	for (int t = 0; t < l->teachers->n; t++)
		for (int compared = 0; compared < 2; compared++) {
			replay_free(g->replays[t][compared]);
			g->replays[t][compared] = NULL;
		}
}

static void put_numbers(struct learning *g, int size)
{
	const struct index_batch *b = g->batch;
	struct pixel_view whole[INDICES_MAX] = {{0}};
	for (int i = 0; i < b->indices; i++)
		whole[i].w = whole[i].h = size;
	g->views = replace_tensor(g->views, tensor_views(whole, b->indices, size, size));
	g->adam = replace_tensor(g->adam, tensor_adam_numbers(1, &(struct adam_pixels){0}));
}

static int begin_phase(
    struct learner *l, struct learning *g, const Tensor *start, int phase, long step)
{
	int size = l->method->sizes[phase];
	end_phase(l, g);
	for (int t = 0; t < l->teachers->n; t++)
		for (int compared = 0; compared < 2; compared++)
			g->replays[t][compared] = replay_new();
	g->phase = phase;
	g->phase_begin = step;
	g->x = replace_tensor(g->x, phase_start(l->method, g->x, start, size));
	tensor_requires_grad_(g->x, true);
	g->m = replace_tensor(g->m, tensor_full_like(g->x, 0));
	g->v = replace_tensor(g->v, tensor_full_like(g->x, 0));
	put_numbers(g, size);
	if (l->similarity && similarity_applies(l->similarity, g->batch))
		similarity_prepare(l->similarity, &g->compared, g->batch, size);
	return tensor_error() ? fail("cannot start phase %d of image %d: %s", phase + 1,
	                            g->batch->ids[0], tensor_error())
	                      : 0;
}

/* Takes all steps. start, the initial images, is freed once no phase needs it. */
static int take_steps(struct learner *l, struct learning *g, Tensor *start)
{
	const struct method *m = l->method;
	int err = 0;
	for (long step = 0; step < m->steps && !err; step++) {
		int phase = phase_at(step, m->steps, m->phases);
		if (phase != g->phase) {
			err = begin_phase(l, g, start, phase, step);
			if (phase == m->phases - 1)
				start = replace_tensor(start, NULL);
		}
		if (!err)
			err = learn_step(l, g, step);
	}
	end_phase(l, g);
	return err;
}

Tensor *learn(struct learner *l, const struct index_batch *b)
{
	struct learning g = {.batch = b, .phase = -1};
	Tensor *start = start_learning(l, &g);
	if (!start || !l->method->steps)
		return start;
	int err = take_steps(l, &g, start);
	free(g.statistics.v);
	if (err < 0)
		return NULL;
	Tensor *x = phase_resize(g.x, side_of(l));
	return x ? x : fail_null("cannot finish image %d: %s", b->ids[0], tensor_error());
}
