#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/data/soft-label.h"
#include "lib/fd2/match/learned.h"

/* Returns the softmax of an image's logits as JSON, which the caller frees. NULL: tensor_error. */
static char *soft_label(const struct learned *l, int k, int id)
{
	const Tensor *logits = tensor_narrow(learned_of(l, LEARNED_LABELS, k), 0, id - 1, 1);
	int n = (int)tensor_size(logits, 1);
	float *p = xcalloc((size_t)n, sizeof *p);
	int err = tensor_read(tensor_softmax(logits, 1), T_F32, p, n);
	char *text = err ? NULL : soft_label_to_json(p, n);
	free(p);
	return text;
}

/* Stores image `id` of class k. If the classes have no names, the key contains the class number, as
 * in webdataset. */
static int store(const struct learned *l, struct shard_writer *w, const struct real *r,
    const struct match_outputs *how, int k, int id)
{
	const char *class = r->set.numbered ? NULL : r->set.classes[k];
	struct encoded f;
	char name[32], *label = NULL;
	tensor_scope_begin(NO_GRAD);
	Tensor *x = tensor_narrow(learned_of(l, LEARNED_IMAGES, k), 0, id - 1, 1);
	int err = encode_image(&f, x, &r->normal, how->pixels, (int)how->quality);
	if (!err && learned_has_labels(l) && !(label = soft_label(l, k, id)))
		err = fail("cannot read the labels: %s", tensor_error());
	tensor_scope_end();
	snprintf(name, sizeof name, class ? "%04d" : "%d-%04d", class ? id : k, id);
	if (!err)
		err =
		    fd2_shard_add(w, class, name, k, f.jpeg, f.jpeg_size, f.npy, f.npy_size, label);
	free(label);
	encoded_free(&f);
	return err;
}

int learned_store(const struct learned *l, struct shard_writer *w, const struct real *r,
    const struct match_outputs *how)
{
	int err = 0;
	for (int id = 1; id <= l->ipc && !err; id++)
		for (int k = l->first; k < l->first + l->n && !err; k++)
			err = store(l, w, r, how, k, id);
	return err;
}
