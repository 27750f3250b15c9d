#include "lib/nn/optim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/torch/optim.h"
#include "lib/torch/start.h"

void optim_init(struct optim *o, const struct params *p)
{
	params_require_grad(p, true);
	o->n = 0;
	o->step = 0;
	for (int i = 0; i < p->n; i++)
		o->n += p->v[i].trained;
	o->name = xcalloc((size_t)o->n, sizeof *o->name);
	o->param = xcalloc((size_t)o->n, sizeof *o->param);
	o->grad = xcalloc((size_t)o->n, sizeof *o->grad);
	o->m = xcalloc((size_t)o->n, sizeof *o->m);
	o->numbers = tensor_optim_numbers(1, 0);
	o->v = o->kind == OPTIM_ADAMW ? xcalloc((size_t)o->n, sizeof *o->v) : NULL;
	for (int i = 0, k = 0; i < p->n; i++) {
		if (!p->v[i].trained)
			continue;
		o->name[k] = p->v[i].name;
		o->param[k] = p->v[i].t;
		o->m[k] = tensor_full_like(p->v[i].t, 0);
		if (o->v)
			o->v[k] = tensor_full_like(p->v[i].t, 0);
		k++;
	}
}

int optim_backward(struct optim *o, const Tensor *loss)
{
	Tensor **g = xcalloc((size_t)o->n, sizeof *g);
	int err = tensor_grad(loss, o->param, o->n, g, false);
	for (int i = 0; i < o->n && !err; i++) {
		if (o->grad[i])
			tensor_add_(o->grad[i], g[i], 1);
		else
			o->grad[i] = tensor_keep(g[i]);
	}
	free(g);
	return err;
}

static bool is_slow(const struct optim *o, int i)
{
	return o->slow && !strncmp(o->name[i], o->slow, strlen(o->slow));
}

/* Updates, in one fused call, the parameters that share a weight decay and a learning rate. */
static void update_group(const struct optim *o, bool decayed, bool slow)
{
	Tensor **list = xcalloc(4 * (size_t)o->n, sizeof *list);
	Tensor **p = list, **g = p + o->n, **m = g + o->n, **v = m + o->n;
	struct optim_step how = {
	    o->numbers, slow ? o->slow_share : 1, decayed ? o->weight_decay : 0};
	int n = 0;
	for (int i = 0; i < o->n; i++) {
		if ((o->decay_all || tensor_rank(o->param[i]) > 1) != decayed ||
		    is_slow(o, i) != slow)
			continue;
		p[n] = o->param[i];
		g[n] = o->grad[i];
		m[n] = o->m[i];
		v[n++] = o->v ? o->v[i] : NULL;
	}
	if (n && o->kind == OPTIM_SGD)
		tensor_sgd_(p, g, m, n, &how, o->momentum, o->nesterov);
	else if (n)
		tensor_adam_(p, g, m, v, n, &how, 0.9, 0.999, 1e-8, true);
	free(list);
}

/* Clips like torch's clip_grad_norm_. The factor stays on the device, in f64; only a CPU run looks
 * at it, to skip a factor of 1. */
static void clip(const struct optim *o)
{
	Tensor *sum = NULL;
	for (int i = 0; i < o->n; i++) {
		Tensor *squares = tensor_sum(tensor_mul(o->grad[i], o->grad[i]), 0, NULL, false);
		sum = i ? tensor_add(sum, squares) : squares;
	}
	Tensor *norm = tensor_sqrt(tensor_to(sum, T_F64)),
	       *most = tensor_full(o->clip, T_F64, 0, NULL);
	Tensor *factor = tensor_div(most, tensor_affine(norm, 1, 1e-6));
	if (!torch_on_gpu() && !(tensor_item(factor) < 1))
		return;
	tensor_clamp_(factor, tensor_full(0, T_F64, 0, NULL), tensor_full(1, T_F64, 0, NULL));
	for (int i = 0; i < o->n; i++)
		o->grad[i] =
		    replace_tensor(o->grad[i], tensor_keep(tensor_mul(o->grad[i], factor)));
}

void optim_next(struct optim *o, double lr)
{
	tensor_optim_numbers_(o->numbers, ++o->step, lr);
}

void optim_drop(struct optim *o)
{
	for (int i = 0; i < o->n; i++) {
		tensor_free(o->grad[i]);
		o->grad[i] = NULL;
	}
}

void optim_update(struct optim *o)
{
	tensor_scope_begin(NO_GRAD);
	if (o->clip > 0)
		clip(o);
	for (int decayed = 0; decayed < 2; decayed++) {
		update_group(o, decayed, false);
		update_group(o, decayed, true);
	}
	tensor_scope_end();
	optim_drop(o);
}

void optim_free(struct optim *o)
{
	optim_drop(o);
	tensor_free(o->numbers);
	for (int i = 0; i < o->n; i++) {
		tensor_free(o->m[i]);
		if (o->v)
			tensor_free(o->v[i]);
	}
	free(o->name);
	free(o->param);
	free(o->grad);
	free(o->m);
	free(o->v);
	*o = (struct optim){0};
}

double lr_exponential(double lr, double t)
{
	return lr * pow(0.9, t / 2);
}

double lr_cosine(double lr, double t, double total, double warmup, double zeta)
{
	if (t < warmup)
		return lr * t / warmup;
	return lr * 0.5 * (1 + cos(M_PI * (t - warmup) / ((total - warmup) * zeta)));
}
