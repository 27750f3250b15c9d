/* Counterfactual attention learning (Rao et al. 2021), as FD2 uses it: Eq. 3-5. */
#ifndef FD2_CAL_H
#define FD2_CAL_H
#include "lib/nn/layers.h"

enum { MAPS_MAX = 1024 };

struct cal {
	int maps;         /* M */
	struct conv conv; /* attention head g: 1x1 without bias, BatchNorm (eps 1e-3), ReLU */
	struct bn bn;
	struct linear fc;   /* W: M*C -> K without bias */
	Tensor *prototypes; /* c: [K, M*C], a buffer */
};

void cal_init(struct cal *cal, struct params *p, int channels, int maps, int classes);

/* Returns A = g(F), Eq. 3: [B,C,h,w] -> [B,M,h,w], f32 and non-negative. */
Tensor *cal_attention(const struct cal *cal, const Tensor *F, const struct pass *pass);

/* Draws A-bar of Eq. 4 for training: A's shape, each element uniform in [0, 2). */
Tensor *counterfactual_attention(const Tensor *A, struct rng *r);

/* Returns z = Phi(F, A), Eq. 3, by bilinear attention pooling: z_mc = sum_hw A_mhw F_chw / (h w),
 * flattened to [B, M*C]; then sign(z) sqrt(|z| + 1e-6); then divided by its Euclidean norm (at
 * least 1e-12). */
Tensor *bilinear_attention_pooling(const Tensor *F, const Tensor *A);

/* Returns p = W (100 z), [B,K]; 100 is CAL's scale. */
Tensor *cal_logits(const struct cal *cal, const Tensor *z);

/* Updates c_y <- (1 - mu) c_y + mu z (Eq. 5) in place, without gradient, sample after sample if a
 * class repeats in the batch. z [B, M*C] already has unit norm; labels are class indices. */
void prototypes_update(Tensor *prototypes, const Tensor *z, const int64_t *labels, double mu);

/* Updates as CAL's own program does: c_y <- c_y + mu (z - Norm(c_y)), by only the last sample of
 * each class in the batch. */
void prototypes_update_cal(Tensor *prototypes, const Tensor *z, const int64_t *labels, double mu);

/* Returns Norm(c): each row divided by its norm; a row of zeros stays zero. */
Tensor *normalized_rows(const Tensor *c);
#endif
