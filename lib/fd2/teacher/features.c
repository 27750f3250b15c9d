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

/* What to compute from a batch's images: [n][each]. */
struct reading {
	Tensor *(*of)(const struct teacher *t, const Tensor *F, int k);
	int each;
	const char *what;
};

/* Returns GAP(F) of Eq. 7. */
static Tensor *pooled(const struct teacher *t, const Tensor *F, int k)
{
	(void)t, (void)k;
	return tensor_mean(tensor_to(F, T_F32), 2, (int[]){2, 3}, false);
}

static Tensor *confidence(const struct teacher *t, const Tensor *F, int k)
{
	struct pass pass = {.bn = BN_RUNNING};
	Tensor *p = tensor_log_softmax(backbone_logits(&t->backbone, F, &pass), 1);
	return tensor_contiguous(tensor_narrow(p, 1, k, 1));
}

static int read_batch(
    float *out, const struct reading *r, const struct teacher *t, const struct batch *b, int k)
{
	struct pass pass = {.bn = BN_RUNNING};
	int64_t numbers = (int64_t)b->n * r->each;
	tensor_scope_begin(NO_GRAD);
	Tensor *F = backbone_features(&t->backbone, batch_images(b, 0, b->n, arithmetic()), &pass);
	int err = tensor_read(r->of(t, F, k), T_F32, out, numbers);
	tensor_scope_end();
	if (err < 0)
		return fail("cannot compute %s: %s", r->what, tensor_error());
	for (int64_t i = 0; i < numbers; i++)
		if (!isfinite(out[i]))
			return fail("the teacher's %s of '%s' are not finite", r->what,
			    b->items[i / r->each]->key);
	return 0;
}

static int read_all(float *out, const struct reading *r, const struct teacher *t,
    const struct item *items, int n, int k)
{
	struct batch b;
	int err = 0;
	batch_init(&b, BATCH, t->size);
	for (int i = 0; i < n && !err; i += BATCH) {
		batch_clear(&b);
		for (int j = i; j < n && j < i + BATCH; j++)
			batch_add_center(&b, &items[j]);
		batch_render(&b, &t->normal);
		err = read_batch(out + (size_t)i * r->each, r, t, &b, k);
		progress_add(b.n, "%s of '%s'", r->what, items[i].key);
	}
	batch_free(&b);
	return err;
}

int features_of(float *f, const struct teacher *t, const struct item *items, int n)
{
	return read_all(f, &(struct reading){pooled, features_size(t), "features"}, t, items, n, 0);
}

int confidences_of(float *logp, const struct teacher *t, const struct item *items, int n, int k)
{
	return read_all(logp, &(struct reading){confidence, 1, "confidences"}, t, items, n, k);
}
