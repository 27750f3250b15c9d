/* Distribution matching (DM, Zhao and Bilen 2023): compares the mean features of photographs and of
 * learned images in networks with random weights, |mean phi(real) - mean phi(learned)|^2 per class.
 * phi is the flattened last map, the input of a ConvNet's classifier. */
#include "lib/fd2/match/matchings.h"

static Tensor *sum_of_features(const struct class_pass *p, const Tensor *x)
{
	const struct pass pass = {.bn = BN_BATCH};
	Tensor *F = backbone_features(p->net, x, &pass);
	return tensor_sum(
	    tensor_reshape(F, 2, (int64_t[]){tensor_size(F, 0), -1}), 1, (int[]){0}, false);
}

/* Processes the photographs in parts and without a graph, because they need no gradient. */
static Tensor *mean_of_real(const struct class_pass *p)
{
	Tensor *sum = NULL;
	for (int i = 0; i < p->real->n; i += p->real->part.cap) {
		tensor_scope_begin(NO_GRAD);
		Tensor *part = sum_of_features(p, class_photographs(p, i));
		sum = tensor_keep(sum ? tensor_add(sum, part) : part);
		tensor_scope_end();
	}
	return tensor_affine(sum, 1.0 / p->real->n, 0);
}

static Tensor *loss(const struct class_pass *p)
{
	Tensor *mean =
	           tensor_affine(sum_of_features(p, p->x), 1.0 / (double)tensor_size(p->x, 0), 0),
	       *off = tensor_sub(mean, mean_of_real(p));
	return tensor_sum(tensor_mul(off, off), 0, NULL, false);
}

const struct matching matching_dm = {
    .name = "dm", .kind = BY_CLASS, .iterations = 20000, .lr = 1, .loss = loss};
