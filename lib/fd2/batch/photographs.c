#include "lib/fd2/batch/photographs.h"

#include "lib/base/err.h"

int photographs_read(struct dataset *d, const struct photograph_inputs *in)
{
	const struct dataset_options o = {
	    .fit = in->fit, .size = (int)in->size, .cache = in->cache, .strict = in->strict};
	if (dataset_read(d, in->shards, in->n_shards, &o) < 0)
		return -1;
	if (d->n_classes < 2)
		return fail(
		    "the shards hold one class, '%s'; expected at least two", d->classes[0]);
	if (dataset_check_classes(d) < 0)
		return -1;
	dataset_sort(d);
	return 0;
}

Tensor *photographs_images(struct batch *b, const struct dataset *d, const uint32_t *places, int n,
    const struct normal *normal)
{
	batch_clear(b);
	for (int i = 0; i < n; i++)
		batch_add_center(b, &d->v[places[i]]);
	batch_render(b, normal);
	return batch_images(b, 0, n, T_F32);
}
