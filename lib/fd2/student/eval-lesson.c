/* A rendered batch as students see it, with what they shall say to it. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/siamese-augment.h"
#include "lib/fd2/student/evaluation.h"

/* Those that the images have, [n,K]. */
static Tensor *soft_labels(const struct batch *b, int K)
{
	float *p = xcalloc((size_t)b->n, (size_t)K * sizeof *p);
	for (int i = 0; i < b->n; i++)
		memcpy(p + (size_t)i * K, b->items[i]->soft, (size_t)K * sizeof *p);
	Tensor *t = tensor_from(p, T_F32, 2, (int64_t[]){b->n, K});
	free(p);
	return t;
}

/* Batch i of epoch e as students see it. */
static Tensor *seen(const struct evaluation *r, int e, int i)
{
	int n = r->batch.n;
	if (!r->config->own.siamese)
		return batch_images(&r->batch, 0, n, arithmetic());
	struct rng random = rng_at(r->config->seed, RNG_SIAMESE, (uint64_t)e, (uint32_t)i, 0);
	struct siamese *augment = xcalloc((size_t)n, sizeof *augment);
	siamese_draw_each(augment, n, &random, SIAMESE_ALL, r->labels.size);
	Tensor *x = siamese_apply_each(augment, batch_images(&r->batch, 0, n, T_F32));
	free(augment);
	return tensor_to(x, arithmetic());
}

struct lesson evaluation_lesson(struct evaluation *r, int e, int i)
{
	int n = r->batch.n, K = r->labels.classes;
	bool learned = r->config->in.learned;
	struct lesson l = {.n = n,
	    .epoch = e,
	    .number = i,
	    .again = n == r->batch.cap,
	    .how = &r->config->learning};
	l.parts = r->labels.halves && n > 1 ? 2 : 1;
	Tensor *x = seen(r, e, i), *targets = NULL, *teacher = NULL;
	if (r->labels.stream)
		teacher = tensor_from(r->epoch.logits + (size_t)r->epoch.starts[i] * (size_t)K,
		    T_F16, 2, (int64_t[]){n, K});
	if (learned)
		targets = soft_labels(&r->batch, K);
	else if (!teacher || l.how->ce_weight > 0)
		targets = batch_labels(&r->batch, 0, n);
	l.x = l.again ? tensor_to_static(&r->x, x) : x;
	l.teacher = l.again ? tensor_to_static(&r->teacher, teacher) : teacher;
	targets = l.again ? tensor_to_static(&r->targets, targets) : targets;
	*(learned ? &l.soft : &l.labels) = targets;
	return l;
}
