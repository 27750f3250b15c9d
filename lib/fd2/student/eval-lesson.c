/* Makes tensors of a rendered batch: its images as students see them, and their targets. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/siamese-augment.h"
#include "lib/fd2/student/evaluation.h"

/* Returns the images' own soft labels, [n,K]. */
static Tensor *soft_labels(const struct batch *b, int K)
{
	float *p = xcalloc((size_t)b->n, (size_t)K * sizeof *p);
	for (int i = 0; i < b->n; i++)
		memcpy(p + (size_t)i * K, b->items[i]->soft, (size_t)K * sizeof *p);
	Tensor *t = tensor_from(p, T_F32, 2, (int64_t[]){b->n, K});
	free(p);
	return t;
}

/* Returns the images of batch i of epoch e as students see them. */
static Tensor *seen(const struct evaluation *ev, int e, int i)
{
	int n = ev->batch.n;
	if (!ev->config->own.siamese)
		return batch_images(&ev->batch, 0, n, arithmetic());
	struct rng random = rng_at(ev->config->seed, RNG_SIAMESE, (uint64_t)e, (uint32_t)i, 0);
	struct siamese *augment = xcalloc((size_t)n, sizeof *augment);
	siamese_draw_each(augment, n, &random, SIAMESE_ALL, ev->labels.size);
	Tensor *x = siamese_apply_each(augment, batch_images(&ev->batch, 0, n, T_F32));
	free(augment);
	return tensor_to(x, arithmetic());
}

struct lesson evaluation_lesson(struct evaluation *ev, int e, int i)
{
	int n = ev->batch.n, K = ev->labels.classes;
	bool learned = ev->config->in.learned;
	struct lesson l = {.n = n,
	    .epoch = e,
	    .number = i,
	    .again = n == ev->batch.cap,
	    .how = &ev->config->learning};
	l.parts = ev->labels.halves && n > 1 ? 2 : 1;
	Tensor *x = seen(ev, e, i), *targets = NULL, *teacher = NULL;
	if (ev->labels.stream)
		teacher = tensor_from(ev->epoch.logits + (size_t)ev->epoch.starts[i] * (size_t)K,
		    T_F16, 2, (int64_t[]){n, K});
	if (learned)
		targets = soft_labels(&ev->batch, K);
	else if (!teacher || l.how->ce_weight > 0)
		targets = batch_labels(&ev->batch, 0, n);
	l.x = l.again ? tensor_to_static(&ev->x, x) : x;
	l.teacher = l.again ? tensor_to_static(&ev->teacher, teacher) : teacher;
	targets = l.again ? tensor_to_static(&ev->targets, targets) : targets;
	*(learned ? &l.soft : &l.labels) = targets;
	return l;
}
