#include "lib/fd2/teacher/features.h"

#include <math.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/fd2/batch/batch.h"

enum { BATCH = 64 };

int features_size(const struct teacher *t)
{
	return t->backbone.arch->channels;
}

/* GAP(F) of Eq. 7 */
static int pooled(float *f, const struct teacher *t, const struct batch *b)
{
	struct pass pass = {.bn = BN_RUNNING};
	tensor_scope_begin(NO_GRAD);
	Tensor *F = backbone_features(&t->backbone, batch_images(b, 0, b->n, arithmetic()), &pass);
	int err = tensor_read(tensor_mean(tensor_to(F, T_F32), 2, (int[]){2, 3}, false), T_F32, f,
	    (int64_t)b->n * features_size(t));
	tensor_scope_end();
	if (err < 0)
		return fail("cannot compute features: %s", tensor_error());
	for (int64_t i = 0; i < (int64_t)b->n * features_size(t); i++)
		if (!isfinite(f[i]))
			return fail("the teacher's features of '%s' are not finite",
			    b->items[i / features_size(t)]->key);
	return 0;
}

int features_of(float *f, const struct teacher *t, const struct item *items, int n)
{
	struct batch b;
	int err = 0;
	batch_init(&b, BATCH, t->size);
	for (int i = 0; i < n && !err; i += BATCH) {
		batch_clear(&b);
		for (int k = i; k < n && k < i + BATCH; k++) {
			struct view v = view_center(&items[k].image, t->size);
			batch_add(&b, &items[k], &v);
		}
		batch_render(&b, &t->normal);
		err = pooled(f + (size_t)i * features_size(t), t, &b);
		progress_add(b.n, "features of '%s'", items[i].key);
	}
	batch_free(&b);
	return err;
}
