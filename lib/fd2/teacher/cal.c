#include "lib/fd2/teacher/cal.h"

#include <stdlib.h>

#include "lib/base/err.h"

void cal_init(struct cal *cal, struct params *p, int channels, int maps, int classes)
{
	cal->maps = maps;
	p->conv_start = CONV_FAN_OUT;
	conv_init(&cal->conv, p, "cal.attention.conv",
	    (struct conv_shape){.in = channels, .out = maps, .kernel = 1});
	bn_init(&cal->bn, p, "cal.attention.bn", maps, 1e-3);
	linear_init(&cal->fc, p, "cal.fc", maps * channels, classes, BIAS_NONE);
	cal->prototypes = buffer_init(p, "cal.prototypes", classes, (int64_t)maps * channels);
}

Tensor *cal_attention(const struct cal *cal, const Tensor *F, const struct pass *pass)
{
	Tensor *a = bn_act(&cal->bn, conv_forward(&cal->conv, F, pass), NULL, RELU, pass);
	return tensor_to(a, tensor_type(cal->conv.weight));
}

Tensor *counterfactual_attention(const Tensor *A, struct rng *r)
{
	int64_t shape[4], n = tensor_numel(A);
	for (int i = 0; i < 4; i++)
		shape[i] = tensor_size(A, i);
	float *v = xcalloc((size_t)n + 1, sizeof *v);
	for (int64_t i = 0; i < n; i++)
		v[i] = (float)rng_between(r, 0, 2);
	Tensor *uniform = tensor_from(v, T_F32, 4, shape);
	free(v);
	return uniform;
}

Tensor *bilinear_attention_pooling(const Tensor *F, const Tensor *A)
{
	int64_t B = tensor_size(F, 0), C = tensor_size(F, 1), M = tensor_size(A, 1),
	        hw = tensor_size(F, 2) * tensor_size(F, 3);
	Tensor *f = tensor_reshape(tensor_to(F, tensor_type(A)), 3, (int64_t[]){B, C, hw});
	Tensor *a = tensor_reshape(A, 3, (int64_t[]){B, M, hw});
	Tensor *z = tensor_affine(
	    tensor_matmul(a, tensor_transpose(f, 1, 2)), 1.0 / (double)hw, 0); /* [B,M,C] */
	z = tensor_reshape(z, 2, (int64_t[]){B, M * C});
	z = tensor_mul(tensor_sign(z), tensor_sqrt(tensor_affine(tensor_abs(z), 1, 1e-6)));
	return normalized_rows(z);
}

Tensor *cal_logits(const struct cal *cal, const Tensor *z)
{
	return linear_forward(&cal->fc, tensor_affine(z, 100, 0));
}

Tensor *normalized_rows(const Tensor *c)
{
	return tensor_div(c, tensor_clamp_min(tensor_norm(c, 1, true), 1e-12));
}

/* The updates of one batch are linear in c and z, so they are one product: c <- D c + W z, with
 * D = diag (1-mu)^n_k for n_k samples of class k, and W[k][b] = mu (1-mu)^(samples of class k
 * after b). */
void prototypes_update(Tensor *prototypes, const Tensor *z, const int64_t *labels, double mu)
{
	int64_t K = tensor_size(prototypes, 0), B = tensor_size(z, 0);
	double *d = xcalloc((size_t)K, sizeof *d), *w = xcalloc((size_t)(K * B), sizeof *w);
	for (int64_t k = 0; k < K; k++)
		d[k] = 1;
	for (int64_t b = B - 1; b >= 0; b--) {
		int64_t k = labels[b];
		w[k * B + b] = mu * d[k];
		d[k] *= 1 - mu;
	}
	tensor_scope_begin(NO_GRAD);
	enum scalar type = tensor_type(prototypes);
	Tensor *D = tensor_to(tensor_from(d, T_F64, 2, (int64_t[]){K, 1}), type);
	Tensor *W = tensor_to(tensor_from(w, T_F64, 2, (int64_t[]){K, B}), type);
	tensor_copy_(prototypes, tensor_add(tensor_mul(D, prototypes), tensor_matmul(W, z)));
	tensor_scope_end();
	free(d);
	free(w);
}

/* c <- c + mu (S z - s Norm(c)): S picks the last sample of each class, s is 1 for classes that
 * have one. */
void prototypes_update_cal(Tensor *prototypes, const Tensor *z, const int64_t *labels, double mu)
{
	int64_t K = tensor_size(prototypes, 0), B = tensor_size(z, 0);
	double *pick = xcalloc((size_t)(K * B), sizeof *pick),
	       *present = xcalloc((size_t)K, sizeof *present);
	for (int64_t b = B - 1; b >= 0; b--)
		if (!present[labels[b]])
			present[labels[b]] = pick[labels[b] * B + b] = 1;
	tensor_scope_begin(NO_GRAD);
	enum scalar type = tensor_type(prototypes);
	Tensor *S = tensor_to(tensor_from(pick, T_F64, 2, (int64_t[]){K, B}), type);
	Tensor *s = tensor_to(tensor_from(present, T_F64, 2, (int64_t[]){K, 1}), type);
	Tensor *step = tensor_sub(tensor_matmul(S, z), tensor_mul(s, normalized_rows(prototypes)));
	tensor_add_(prototypes, step, mu);
	tensor_scope_end();
	free(pick);
	free(present);
}
