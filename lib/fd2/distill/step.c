/* A step has three parts: drawing numbers on the host; tensor work that waits for nothing and can
 * be recorded; and, every READ_EVERY steps, reading the losses back. */
#include "lib/fd2/distill/step.h"

#include <math.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/fd2/distill/phases.h"
#include "lib/torch/pixels.h"

enum { READ_EVERY = 50 };

/* Layout of g->losses: the total of the last step; the sum of the totals of all steps, which stays
 * non-finite once any of them was; and the terms of the last step, NaN if off. */
enum { TOTAL, SUM, FIRST_TERM, LOSSES = FIRST_TERM + TERMS_MAX };

struct step {
	long number;                          /* in the index batch, from 0 */
	int turn;                             /* index of the teacher */
	struct pixel_view views[INDICES_MAX]; /* one per index */
	double lr;
	long adam;     /* step number for Adam, in the phase, from 1 */
	bool compares; /* has L_S */
};

Tensor *distill_step_losses(void)
{
	return tensor_full(0, T_F32, 1, (int64_t[]){LOSSES});
}

static struct step step_at(const struct learner *l, const struct learning *g, long number)
{
	const struct method *m = l->method;
	const struct index_batch *b = g->batch;
	const struct view_size size = phase_size(m, g->phase);
	int n = l->teachers->n;
	struct step s = {
	    .number = number, .turn = (int)(number % n), .adam = number - g->phase_begin + 1};
	s.lr = learning_rate(m, number);
	struct view_rule rule = l->views;
	rule.min_scale = crop_curriculum_at(&m->crops, number, m->steps);
	for (int i = 0; i < b->indices; i++)
		s.views[i] = step_view_random(&rule, &size, b->first, b->ids[i], number);
	s.compares = l->similarity && similarity_applies(l->similarity, b) &&
	             similarity_in_step(l->similarity, number);
	return s;
}

/* Copies the step's numbers to the tensors that run_step reads. */
static void put_numbers(const struct learner *l, struct learning *g, const struct step *s)
{
	const struct normal *normal = &l->teachers->v[s->turn].teacher->normal;
	struct adam_pixels adam = {.lr = s->lr, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-8};
	int side = l->method->image_sizes[g->phase];
	for (int c = 0; c < 3; c++) {
		adam.lo[c] = -normal->mean[c] / normal->std[c];
		adam.hi[c] = (1 - normal->mean[c]) / normal->std[c];
	}
	tensor_adam_numbers_(g->adam, s->adam, &adam);
	tensor_views_(g->views, s->views, g->batch->indices, side, side);
}

/* Returns the base method's loss and cross-entropy, or with FD2 the total of Eq. 12. */
static Tensor *total_loss(const struct learner *l, struct learning *g, const struct step *s)
{
	struct terms *t = &g->terms;
	struct step_pass p = step_pass(l, g, s->turn);
	t->n = 0;
	Tensor *base = l->method->loss(l->method, &p, t);
	Tensor *ce = terms_add(t, "ce", tensor_cross_entropy(p.p_bb, p.labels, 0));
	if (!l->constraints) {
		constraints_off(t);
		return tensor_add(base, ce);
	}
	Tensor *S = s->compares ? similarity_loss(l->similarity, &g->compared, &p) : NULL;
	return constraints_loss(l->constraints, &p, base, ce, S, t);
}

static Tensor *as_vector(const Tensor *scalar)
{
	int64_t one = 1;
	return scalar ? tensor_reshape(scalar, 1, &one) : tensor_full(NAN, T_F32, 1, &one);
}

static void keep_losses(struct learning *g, const Tensor *total)
{
	Tensor *all[LOSSES];
	int n = FIRST_TERM + g->terms.n;
	tensor_scope_begin(NO_GRAD);
	all[TOTAL] = as_vector(total);
	all[SUM] = as_vector(tensor_add(tensor_narrow(g->losses, 0, SUM, 1), total));
	for (int i = 0; i < g->terms.n; i++)
		all[FIRST_TERM + i] = as_vector(g->terms.v[i]);
	tensor_copy_(tensor_narrow(g->losses, 0, 0, n), tensor_cat(all, n, 0));
	tensor_scope_end();
}

struct step_call {
	const struct learner *l;
	struct learning *g;
	const struct step *s;
};

/* Nothing here may wait for the device. */
static int run_step(void *ctx)
{
	const struct step_call *call = ctx;
	struct learning *g = call->g;
	Tensor *grad;
	tensor_scope_begin(GRAD);
	Tensor *total = total_loss(call->l, g, call->s);
	/* scaled to the sum over the indices, so that each learns as it would alone */
	int err = tensor_grad(tensor_affine(total, g->batch->indices, 0), &g->x, 1, &grad, false);
	if (!err) {
		tensor_adam_pixels_(g->x, grad, g->m, g->v, g->adam);
		keep_losses(g, total);
	}
	tensor_scope_end();
	return err < 0 || tensor_error() ? fail("distillation failed: %s", tensor_error()) : 0;
}

static json_t *view_json(const struct pixel_view *v)
{
	return json_pack("[i,i,i,i,i,i,i]", v->x, v->y, v->w, v->h, v->flip, v->roll_y, v->roll_x);
}

static json_t *losses_json(const struct learning *g, const float *losses)
{
	json_t *loss = json_pack("{s:o}", "total", json_real_or_null(losses[TOTAL]));
	for (int i = 0; i < g->terms.n; i++)
		json_object_set_new(
		    loss, g->terms.names[i], json_real_or_null(losses[FIRST_TERM + i]));
	return loss;
}

static void log_step(
    const struct learner *l, const struct learning *g, const struct step *s, const float *losses)
{
	const struct index_batch *b = g->batch;
	json_t *views = json_array(), *ids = json_array();
	for (int i = 0; i < b->indices; i++) {
		json_array_append_new(ids, json_integer(b->ids[i]));
		json_array_append_new(views, view_json(&s->views[i]));
	}
	bool one = b->indices == 1;
	json_t *event = json_pack("{s:s, s:O, s:i, s:i, s:f, s:O, s:o}", "event", "step",
	    one ? "image" : "images", one ? json_array_get(ids, 0) : ids, "first_class", b->first,
	    "step", (int)s->number, "lr", s->lr, one ? "view" : "views",
	    one ? json_array_get(views, 0) : views, "loss", losses_json(g, losses));
	json_decref(ids);
	json_decref(views);
	if (l->teachers->n > 1)
		json_object_set_new(event, "teacher", json_integer(s->turn));
	log_event(event);
}

static int read_finite(struct learning *g, long number, float losses[LOSSES])
{
	const struct index_batch *b = g->batch;
	if (tensor_read(g->losses, T_F32, losses, LOSSES) < 0)
		return fail("distillation failed: %s", tensor_error());
	return isfinite(losses[SUM])
	           ? 0
	           : fail("the loss is not finite at step %ld of image %d, classes %d-%d; "
	                  "try a smaller --lr or --r-bn",
	                 number, b->ids[0], b->first, b->first + b->n - 1);
}

int distill_step_settle(struct learning *g, long number)
{
	float losses[LOSSES];
	return read_finite(g, number - 1, losses);
}

static int read_losses(const struct learner *l, struct learning *g, const struct step *s)
{
	bool last = s->number == l->method->steps - 1;
	bool logged = log_wanted() && l->log_every && (s->number % l->log_every == 0 || last);
	float losses[LOSSES];
	if (!logged && !last && s->number % READ_EVERY)
		return 0;
	if (read_finite(g, s->number, losses) < 0)
		return -1;
	g->total = losses[TOTAL];
	if (logged)
		log_step(l, g, s, losses);
	return 0;
}

int distill_step_take(struct learner *l, struct learning *g, long number)
{
	struct step s = step_at(l, g, number);
	struct step_call call = {l, g, &s};
	put_numbers(l, g, &s);
	if (replay_take(g->replays[s.turn][s.compares], run_step, &call) < 0 ||
	    read_losses(l, g, &s) < 0)
		return -1;
	l->steps_done += g->batch->indices;
	progress_at(l->steps_done, "image %d  loss %.3f", g->batch->ids[0], g->total);
	return 0;
}
