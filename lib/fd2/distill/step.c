/* A step in three: its numbers on the host, then tensors alone and nothing that waits for the
 * device, and last, now and then, a look at what came out. */
#include <math.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/fd2/distill/block.h"

enum { LOOK_EVERY = 50 };

static struct step step_at(const struct distill *d, const struct block *b, long number)
{
	int n = d->guides.teachers.n;
	struct step s = {
	    .number = number, .guide = (int)(number % n), .adam = number - b->part_begin + 1};
	s.lr = d->method.lr * 0.5 * (1 + cos(M_PI * (double)number / (double)d->method.steps));
	for (int i = 0; i < b->indices; i++)
		s.views[i] = step_view_random(d->method.sizes[b->part], d->job->min_scale,
		    (uint64_t)common.seed, b->first, b->ids[i], number);
	s.similar = is_constrained_by_earlier(d, b->ids[0]) &&
	            (d->ls_view != LS_PLAIN || number / n % d->job->ls_every == 0);
	return s;
}

/* Where the step's passes read them. */
static void put_numbers(const struct distill *d, struct block *b, const struct step *s)
{
	const struct normal *normal = &d->guides.v[s->guide].teacher->normal;
	struct adam_pixels adam = {.lr = s->lr, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-8};
	int size = d->method.sizes[b->part];
	for (int c = 0; c < 3; c++) {
		adam.lo[c] = -normal->mean[c] / normal->std[c];
		adam.hi[c] = (1 - normal->mean[c]) / normal->std[c];
	}
	tensor_adam_numbers_(b->adam, s->adam, &adam);
	tensor_views_(b->views, s->views, b->indices, size, size);
}

/* The base method's loss (BN term and cross-entropy), and FD2's terms unless --plain (Eq. 12).
 * The BN term comes last: with --bn-head the attention head's BatchNorm is in it. */
static Tensor *step_loss(
    const struct distill *d, const struct block *b, const struct step *s, Tensor **t)
{
	const struct teacher *teacher = d->guides.v[s->guide].teacher;
	struct bn_sum bn = {.head = d->job->bn_head ? NULL : &teacher->cal.bn, .form = d->bn_form};
	struct pass pass = {
	    .bn = BN_RUNNING, .groups = b->indices, .on_bn = sre2l_on_bn, .ctx = &bn};
	Tensor *F = backbone_features(
	    &teacher->backbone, tensor_step_view(b->x, b->views, arithmetic()), &pass);
	Tensor *p_bb = backbone_logits(&teacher->backbone, F, &pass);
	t[TERM_CE] = tensor_cross_entropy(p_bb, b->labels, 0);
	if (!d->job->plain)
		constraints(d, b, s, F, p_bb, &pass, t);
	t[TERM_BN] = tensor_affine(bn_sum_loss(&bn), d->method.r_bn / b->indices, 0);
	bool full = d->job->plain || d->job->other == OTHER_FULL;
	Tensor *other = full ? tensor_add(t[TERM_BN], t[TERM_CE]) : t[TERM_BN];
	return d->job->plain ? other
	                     : loss_total(other, t[TERM_CLS], t[TERM_F], t[TERM_S], d->job->lambda);
}

static void keep_terms(struct block *b, Tensor **t)
{
	Tensor *all[TERMS];
	tensor_scope_begin(NO_GRAD);
	t[TERM_SUM] = tensor_add(tensor_narrow(b->terms, 0, TERM_SUM, 1), t[TERM_TOTAL]);
	for (int i = 0; i < TERMS; i++)
		all[i] = t[i] ? tensor_reshape(t[i], 1, (int64_t[]){1})
		              : tensor_full(NAN, T_F32, 1, (int64_t[]){1});
	tensor_copy_(b->terms, tensor_cat(all, TERMS, 0));
	tensor_scope_end();
}

Tensor *block_view(const struct block *b, int i)
{
	int64_t one = tensor_numel(b->views) / b->indices;
	return tensor_narrow(b->views, 0, i * one, one);
}

/* Nothing here may wait for the device. */
static int take(const struct distill *d, struct block *b, const struct step *s)
{
	Tensor *t[TERMS] = {NULL}, *grad;
	tensor_scope_begin(GRAD);
	t[TERM_TOTAL] = step_loss(d, b, s, t);
	/* the sum over the indices, so that each learns as it would alone */
	int ok = tensor_grad(tensor_affine(t[TERM_TOTAL], b->indices, 0), &b->x, 1, &grad, false);
	if (!ok) {
		tensor_adam_pixels_(b->x, grad, b->m, b->v, b->adam);
		keep_terms(b, t);
	}
	tensor_scope_end();
	return ok < 0 || tensor_error() ? fail("distillation failed: %s", tensor_error()) : 0;
}

struct taking {
	const struct distill *d;
	struct block *b;
	const struct step *s;
};

static int take_it(void *ctx)
{
	const struct taking *t = ctx;
	return take(t->d, t->b, t->s);
}

static json_t *view_json(const struct pixel_view *v)
{
	return json_pack("[i,i,i,i,i,i,i]", v->x, v->y, v->w, v->h, v->flip, v->roll_y, v->roll_x);
}

static void log_step(
    const struct distill *d, const struct block *b, const struct step *s, const float *t)
{
	json_t *loss = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "total",
	    json_real_or_null(t[TERM_TOTAL]), "bn", json_real_or_null(t[TERM_BN]), "ce",
	    json_real_or_null(t[TERM_CE]), "cls", json_real_or_null(t[TERM_CLS]), "F",
	    json_real_or_null(t[TERM_F]), "S", json_real_or_null(t[TERM_S]));
	json_t *views = json_array(), *ids = json_array();
	for (int i = 0; i < b->indices; i++) {
		json_array_append_new(ids, json_integer(b->ids[i]));
		json_array_append_new(views, view_json(&s->views[i]));
	}
	bool one = b->indices == 1;
	json_t *event = json_pack("{s:s, s:O, s:i, s:i, s:f, s:O, s:o}", "event", "step",
	    one ? "image" : "images", one ? json_array_get(ids, 0) : ids, "first_class", b->first,
	    "step", (int)s->number, "lr", s->lr, one ? "view" : "views",
	    one ? json_array_get(views, 0) : views, "loss", loss);
	json_decref(ids);
	json_decref(views);
	if (d->guides.teachers.n > 1)
		json_object_set_new(event, "teacher", json_integer(s->guide));
	log_event(event);
}

static int look(const struct distill *d, struct block *b, const struct step *s)
{
	bool last = s->number == d->method.steps - 1;
	bool logged =
	    log_wanted() && d->job->log_every && (s->number % d->job->log_every == 0 || last);
	float t[TERMS];
	if (!logged && !last && s->number % LOOK_EVERY)
		return 0;
	if (tensor_read(b->terms, T_F32, t, TERMS) < 0)
		return fail("distillation failed: %s", tensor_error());
	if (!isfinite(t[TERM_SUM]))
		return fail("the loss is no longer finite by step %ld of image %d, classes %d-%d; "
		            "try a smaller --lr or --r-bn",
		    s->number, b->ids[0], b->first, b->first + b->n - 1);
	b->total = t[TERM_TOTAL];
	if (logged)
		log_step(d, b, s, t);
	return 0;
}

int block_step(struct distill *d, struct block *b, long number)
{
	struct step s = step_at(d, b, number);
	put_numbers(d, b, &s);
	struct taking t = {d, b, &s};
	if (replay_take(b->replays[s.guide][s.similar], take_it, &t) < 0 || look(d, b, &s) < 0)
		return -1;
	d->steps_done += b->indices;
	progress_at(d->steps_done, "image %d  loss %.3f", b->ids[0], b->total);
	return 0;
}
