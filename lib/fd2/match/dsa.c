/* Gradient matching (DC, Zhao et al. 2021) under Siamese augmentation (DSA, Zhao and Bilen 2021):
 * compares the cross-entropy's gradient with respect to a network's weights between photographs and
 * learned images, by the angle for each output neuron. Biases and norm layers are ignored. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/match/matchings.h"

/* Returns the mean cross-entropy over x, scaled by `share`. */
static Tensor *cross_entropy(const struct class_pass *p, const Tensor *x, double share)
{
	const struct pass pass = {.bn = BN_BATCH};
	int64_t n = tensor_size(x, 0);
	Tensor *logits = backbone_logits(p->net, backbone_features(p->net, x, &pass), &pass),
	       *labels = tensor_full(p->label, T_I64, 1, &n);
	return tensor_affine(tensor_cross_entropy(logits, labels, 0), share, 0);
}

/* Adds the gradients of the part of the photographs that begins at `first` to g, whose tensors are
 * kept in the caller's scope. */
static void add_gradients(const struct class_pass *p, int first, Tensor **g)
{
	const struct optim *w = p->weights;
	Tensor **part = xcalloc((size_t)w->n, sizeof *part);
	tensor_scope_begin(GRAD);
	Tensor *x = class_photographs(p, first),
	       *loss = cross_entropy(p, x, (double)tensor_size(x, 0) / p->real->n);
	tensor_grad(loss, w->param, w->n, part, false);
	for (int i = 0; i < w->n; i++) {
		if (first)
			tensor_add_(g[i], part[i], 1);
		else
			g[i] = tensor_keep(part[i]);
	}
	tensor_scope_end();
	free(part);
}

/* Returns the sum of 1 - cos over the rows; weights [O,...] have O rows. */
static Tensor *distance(const Tensor *real, const Tensor *learned)
{
	int64_t rows[] = {tensor_size(real, 0), -1};
	Tensor *u = tensor_reshape(real, 2, rows), *v = tensor_reshape(learned, 2, rows),
	       *dot = tensor_sum(tensor_mul(u, v), 1, (int[]){1}, false),
	       *lengths = tensor_mul(tensor_norm(u, 1, false), tensor_norm(v, 1, false)),
	       *cosine = tensor_div(dot, tensor_affine(lengths, 1, 1e-6));
	return tensor_sum(tensor_affine(cosine, -1, 1), 0, NULL, false);
}

static Tensor *loss(const struct class_pass *p)
{
	const struct optim *w = p->weights;
	Tensor **real = xcalloc(2 * (size_t)w->n, sizeof *real), **learned = real + w->n,
	       *sum = NULL;
	for (int i = 0; i < p->real->n; i += p->real->part.cap)
		add_gradients(p, i, real);
	tensor_grad(cross_entropy(p, p->x, 1), w->param, w->n, learned, true);
	for (int i = 0; i < w->n; i++) {
		if (tensor_rank(w->param[i]) < 2)
			continue;
		Tensor *d = distance(real[i], learned[i]);
		sum = sum ? tensor_add(sum, d) : d;
	}
	free(real);
	return sum;
}

const struct matching matching_dsa = {.name = "dsa",
    .kind = BY_CLASS,
    .iterations = 1000,
    .lr = 0.1,
    .gradients = true,
    .loss = loss};
