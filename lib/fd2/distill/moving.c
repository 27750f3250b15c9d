#include "lib/fd2/distill/moving.h"

#include <stdlib.h>

#include "lib/base/err.h"

void moving_allocated(struct moving *m)
{
	m->weight = tensor_full(0, T_F32, 1, (int64_t[]){1});
}

void moving_free(struct moving *m)
{
	for (int i = 0; i < m->n; i++)
		tensor_free(m->v[i]);
	tensor_free(m->weight);
	free(m->v);
	*m = (struct moving){0};
}

void moving_step(struct moving *m)
{
	tensor_scope_begin(NO_GRAD);
	if (m->weight)
		tensor_copy_(m->weight, tensor_affine(m->weight, m->momentum, 1 - m->momentum));
	tensor_scope_end();
}

static void allocate(struct moving *m, const Tensor *seen)
{
	m->v = xrealloc(m->v, (size_t)m->n + 1, sizeof *m->v);
	m->v[m->n++] = tensor_keep(tensor_full_like(tensor_detach(seen), 0));
}

Tensor *moving_average(struct moving *m, int i, Tensor *seen)
{
	if (!m->momentum)
		return seen;
	if (!m->weight) {
		allocate(m, seen);
		return seen;
	}
	tensor_scope_begin(NO_GRAD);
	Tensor *now = tensor_detach(seen);
	tensor_mul_(m->v[i], m->momentum);
	tensor_add_(m->v[i], now, 1 - m->momentum);
	Tensor *past = tensor_keep(tensor_sub(tensor_div(m->v[i], m->weight), now));
	tensor_scope_end();
	return tensor_add(seen, past);
}
