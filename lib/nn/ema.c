#include "lib/nn/ema.h"

#include <math.h>

#include "lib/base/err.h"

void ema_init(struct ema *e, const struct params *live, double decay)
{
	*e = (struct ema){.live = live, .decay = decay};
	e->average.v = xcalloc((size_t)live->n, sizeof *e->average.v);
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < live->n; i++)
		e->average.v[e->average.n++] =
		    (struct param){key(&e->average, "ema.%s", live->v[i].name),
		        tensor_keep(tensor_clone(live->v[i].t)), false};
	tensor_scope_end();
}

void ema_update(struct ema *e, long t)
{
	double d = fmin(e->decay, (1.0 + (double)t) / (10.0 + (double)t));
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < e->live->n; i++) {
		Tensor *average = e->average.v[i].t;
		if (tensor_type(average) == T_I64) {
			tensor_copy_(average, e->live->v[i].t);
			continue;
		}
		tensor_mul_(average, d);
		tensor_add_(average, e->live->v[i].t, 1 - d);
	}
	tensor_scope_end();
}

void ema_swap(struct ema *e)
{
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < e->live->n; i++) {
		Tensor *live = e->live->v[i].t, *average = e->average.v[i].t,
		       *now = tensor_clone(live);
		tensor_copy_(live, average);
		tensor_copy_(average, now);
	}
	tensor_scope_end();
}

void ema_free(struct ema *e)
{
	params_free(&e->average);
}
