#include "lib/fd2/labels/fkd-order.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/torch/sampler.h"
#include "lib/torch/tensor.h"

struct fkd_order {
	int n;
	int32_t *ours; /* our index for each of their numbers */
	int32_t *ids;
	int64_t *drawn;
	struct sampler *sampler;
};

/* Numbers the images class by class. Within a class they keep their order, since fd2-exchange names
 * the files in that order. */
static int number(struct fkd_order *o, const struct dataset *d)
{
	int at = 0;
	for (int k = 0; k < d->n_classes; k++) {
		int before = at;
		for (int i = 0; i < d->n; i++)
			if (d->v[i].label == k)
				o->ours[at++] = i;
		if (at == before)
			return fail("class '%s' has no image: programs that number classes by "
			            "their folders would count past it",
			    d->classes ? d->classes[k] : "(a number)");
	}
	return 0;
}

struct fkd_order *fkd_order_new(const struct dataset *d, uint64_t seed)
{
	struct fkd_order *o = xcalloc(1, sizeof *o);
	o->n = d->n;
	o->ours = xcalloc((size_t)d->n, sizeof *o->ours);
	o->ids = xcalloc((size_t)d->n, sizeof *o->ids);
	o->drawn = xcalloc((size_t)d->n, sizeof *o->drawn);
	if (number(o, d) == 0) {
		o->sampler = sampler_new(seed);
		if (o->sampler)
			return o;
		fail("cannot draw torch's order: %s", tensor_error());
	}
	fkd_order_free(o);
	return NULL;
}

const int32_t *fkd_order_next(struct fkd_order *o)
{
	if (sampler_next(o->sampler, o->drawn, o->n) < 0)
		return fail_null("cannot draw torch's order: %s", tensor_error());
	for (int i = 0; i < o->n; i++)
		o->ids[i] = o->ours[o->drawn[i]];
	return o->ids;
}

void fkd_order_free(struct fkd_order *o)
{
	if (!o)
		return;
	sampler_free(o->sampler);
	free(o->ours);
	free(o->ids);
	free(o->drawn);
	free(o);
}
