#include "lib/fd2/teacher/losses.h"

#define EPS 1e-8

static Tensor *squares(const Tensor *u)
{
	return tensor_sum(tensor_mul(u, u), 1, (int[]){1}, true);
}

/* Returns l2(u, v) = |u - v| / (|u| + |v| + eps), eps = 1e-8 (below Eq. 9), of corresponding rows:
 * [B,P] [B,P] -> [B]. */
static Tensor *l2_rows(const Tensor *u, const Tensor *v)
{
	Tensor *norms = tensor_add(tensor_norm(u, 1, false), tensor_norm(v, 1, false));
	return tensor_div(tensor_norm(tensor_sub(u, v), 1, false), tensor_affine(norms, 1, EPS));
}

/* Returns l2 of every row of u and every row of v, by one matrix product: [B,P] [K,P] -> [B,K]. */
static Tensor *l2_pairs(const Tensor *u, const Tensor *v)
{
	Tensor *vT = tensor_transpose(v, 0, 1);
	Tensor *d2 = tensor_add(squares(u), tensor_transpose(squares(v), 0, 1)); /* |u|^2 + |v|^2 */
	d2 = tensor_add(d2, tensor_affine(tensor_matmul(u, vT), -2, 0));         /* - 2 u.v */
	Tensor *norms =
	    tensor_add(tensor_norm(u, 1, true), tensor_transpose(tensor_norm(v, 1, true), 0, 1));
	return tensor_div(tensor_sqrt(tensor_clamp_min(d2, 1e-12)), tensor_affine(norms, 1, EPS));
}

Tensor *loss_center(const Tensor *z, const Tensor *prototypes, const Tensor *labels)
{
	Tensor *c = tensor_index_select(prototypes, 0, labels);
	Tensor *unit = tensor_div(c, tensor_clamp_min(tensor_norm(c, 1, true), 1e-12));
	return tensor_mean(squares(tensor_sub(z, unit)), 0, NULL, false);
}

Tensor *loss_cal(const Tensor *p_raw, const Tensor *p_eff, const Tensor *labels,
    const Tensor *center, double eta, double smoothing)
{
	Tensor *ce = tensor_add(tensor_cross_entropy(p_raw, labels, smoothing),
	    tensor_cross_entropy(p_eff, labels, smoothing));
	return tensor_add(ce, tensor_affine(center, eta, 0));
}

Tensor *loss_cal_augmented(const Tensor *p_raw, const Tensor *p_eff, const Tensor *augmented_raw,
    const Tensor *augmented_eff, const Tensor *labels, const Tensor *center, double eta,
    double smoothing)
{
	Tensor *y = (Tensor *)labels, *twice = tensor_cat((Tensor *[]){y, y}, 2, 0),
	       *thrice = tensor_cat((Tensor *[]){y, twice}, 2, 0);
	Tensor *effects = tensor_cat((Tensor *[]){(Tensor *)p_eff, (Tensor *)augmented_eff}, 2, 0);
	Tensor *raw = tensor_affine(tensor_cross_entropy(p_raw, labels, smoothing), 1.0 / 3, 0);
	Tensor *augmented =
	    tensor_affine(tensor_cross_entropy(augmented_raw, twice, smoothing), 2.0 / 3, 0);
	Tensor *sum = tensor_add(
	    tensor_add(raw, augmented), tensor_cross_entropy(effects, thrice, smoothing));
	return tensor_add(sum, tensor_affine(center, eta, 0));
}

Tensor *loss_pre(
    const Tensor *p_bb, const Tensor *l_cal, const Tensor *labels, double alpha, double smoothing)
{
	Tensor *bb = tensor_affine(tensor_cross_entropy(p_bb, labels, smoothing), 1 - alpha, 0);
	return tensor_add(bb, tensor_affine(l_cal, alpha, 0));
}

/* Returns the mean [B,1] of each row of d [B,K] without the entry of its own class, over all others
 * or over the `negatives` smallest. */
static Tensor *mean_of_others(
    const Tensor *d, const Tensor *own, const Tensor *labels, long negatives)
{
	int dim = 1;
	int64_t others = tensor_size(d, 1) - 1;
	if (negatives && negatives < others)
		return tensor_mean(tensor_smallest_others(d, labels, negatives), 1, &dim, true);
	Tensor *sum = tensor_sum(d, 1, &dim, true);
	return tensor_affine(tensor_sub(sum, own), others > 0 ? 1 / (double)others : 0, 0);
}

Tensor *loss_F(
    const Tensor *z, const Tensor *prototypes, const Tensor *labels, double beta, long negatives)
{
	Tensor *d = l2_pairs(z, prototypes); /* [B,K] */
	Tensor *own = tensor_gather(d, 1, tensor_reshape(labels, 2, (int64_t[]){-1, 1}));
	Tensor *others = mean_of_others(d, own, labels, negatives);
	Tensor *loss =
	    tensor_add(tensor_affine(own, beta, 0), tensor_affine(others, -(1 - beta), 1 - beta));
	return tensor_mean(loss, 0, NULL, false);
}

/* Returns A as one row per image, [B,M*h*w], divided by its sum with LS_MASS. */
static Tensor *attention_rows(const Tensor *A, int64_t B, enum ls_norm norm)
{
	Tensor *rows = tensor_reshape(A, 2, (int64_t[]){B, -1});
	if (norm == LS_NONE)
		return rows;
	return tensor_div(rows, tensor_affine(tensor_sum(rows, 1, (int[]){1}, true), 1, EPS));
}

Tensor *loss_S(const Tensor *A, const Tensor *history, const struct ls_form *form)
{
	int64_t J = tensor_size(history, 0), B = tensor_size(A, 0);
	Tensor *now = attention_rows(A, B, form->norm);
	Tensor *sum = NULL;
	for (int64_t j = 0; j < J; j++) {
		Tensor *then = attention_rows(tensor_narrow(history, 0, j, 1), B, form->norm);
		Tensor *d = l2_rows(now, then);
		if (form->margin < 1)
			d = tensor_sub(d, tensor_relu(tensor_affine(d, 1, -form->margin)));
		d = tensor_mean(d, 0, NULL, false);
		sum = j ? tensor_add(sum, d) : d;
	}
	return tensor_affine(sum, -1.0 / (double)J, 1);
}

Tensor *loss_cls(const Tensor *p_bb, const Tensor *p_cal, const Tensor *labels, double alpha)
{
	Tensor *bb = tensor_affine(tensor_cross_entropy(p_bb, labels, 0), 1 - alpha, 0);
	return tensor_add(bb, tensor_affine(tensor_cross_entropy(p_cal, labels, 0), alpha, 0));
}

Tensor *loss_total(const Tensor *other, const Tensor *cls, const Tensor *F, const Tensor *S,
    double lambda, double weight_S)
{
	Tensor *total = tensor_add(other, cls);
	if (F)
		total = tensor_add(total, tensor_affine(F, lambda, 0));
	if (S)
		total = tensor_add(total, tensor_affine(S, weight_S, 0));
	return total;
}

Tensor *loss_kl(const Tensor *student, const Tensor *teacher, double temperature)
{
	Tensor *t = tensor_affine(teacher, 1 / temperature, 0),
	       *s = tensor_affine(student, 1 / temperature, 0);
	Tensor *log_ratio = tensor_sub(tensor_log_softmax(t, 1), tensor_log_softmax(s, 1));
	Tensor *kl = tensor_sum(tensor_mul(tensor_softmax(t, 1), log_ratio), 0, NULL, false);
	return tensor_affine(kl, 1.0 / (double)tensor_size(student, 0), 0);
}

Tensor *loss_soft(const Tensor *logits, const Tensor *p)
{
	Tensor *sum = tensor_sum(tensor_mul(p, tensor_log_softmax(logits, 1)), 0, NULL, false);
	return tensor_affine(sum, -1.0 / (double)tensor_size(logits, 0), 0);
}

Tensor *loss_mse(const Tensor *student, const Tensor *teacher)
{
	Tensor *d = tensor_sub(student, teacher);
	return tensor_mean(tensor_mul(d, d), 0, NULL, false);
}
