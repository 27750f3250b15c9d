/* The losses of the paper, one function per equation, and of other methods. Each returns a scalar,
 * the mean over the batch, and is differentiable. */
#ifndef FD2_LOSSES_H
#define FD2_LOSSES_H
#include "lib/nn/layers.h"

/* Eq. 5: |z - Norm(c_y)|^2. z [B,D], prototypes [K,D] (no gradient), labels i64 [B]. */
Tensor *loss_center(const Tensor *z, const Tensor *prototypes, const Tensor *labels);
/* Eq. 6: CE(p_raw) + CE(p_eff) + eta L_center. */
Tensor *loss_cal(const Tensor *p_raw, const Tensor *p_eff, const Tensor *labels,
    const Tensor *center, double eta, double smoothing);
/* L_CAL with CAL's crops and drops, weighted as in CAL (fd2-method(7), TEACHER): CE(p_raw) / 3 + CE
 * of all effects + 2/3 CE(p_raw of augmented images) + eta L_center. p_raw, p_eff [B,K]; those of
 * augmented images [2B,K], crops then drops. */
Tensor *loss_cal_augmented(const Tensor *p_raw, const Tensor *p_eff, const Tensor *augmented_raw,
    const Tensor *augmented_eff, const Tensor *labels, const Tensor *center, double eta,
    double smoothing);
/* Eq. 8: (1 - alpha) CE(p_bb) + alpha L_CAL. */
Tensor *loss_pre(
    const Tensor *p_bb, const Tensor *l_cal, const Tensor *labels, double alpha, double smoothing);

/* Eq. 9: beta l2(z, c_y) + (1 - beta)(1 - mean_{k != y} l2(z, c_k)). z [B,D], prototypes [K,D],
 * labels i64 [B]. negatives: take the mean over this many c_k nearest to z; 0: over all. */
Tensor *loss_F(
    const Tensor *z, const Tensor *prototypes, const Tensor *labels, double beta, long negatives);
/* How L_S measures distances; the paper's is {LS_NONE, 1}. */
struct ls_form {
	enum ls_norm {
		LS_NONE,
		LS_MASS, /* divide attention by its sum, so that its strength does not matter */
	} norm;
	double margin; /* distances are cut off at this value; none is above 1 */
};
#define LS_NORM_CHOICES "none|mass"
/* Eq. 10: 1 - mean_{j < i} l2(A_i, A_j). A [B,M,h,w]; history [J,B,M,h,w], J >= 1; norms and sums
 * are over all M h w entries of an image. */
Tensor *loss_S(const Tensor *A, const Tensor *history, const struct ls_form *form);
/* Eq. 11: (1 - alpha) CE(p_bb) + alpha CE(p_cal). */
Tensor *loss_cls(const Tensor *p_bb, const Tensor *p_cal, const Tensor *labels, double alpha);
/* Eq. 12: L_other + L_cls + lambda L_F + weight_S L_S. In the paper weight_S is 1 - lambda. L_F and
 * L_S may be NULL (switched off, or i = 1). */
Tensor *loss_total(const Tensor *other, const Tensor *cls, const Tensor *F, const Tensor *S,
    double lambda, double weight_S);

/* Soft-label distillation: KL(softmax(t/T) || softmax(s/T)), batch mean, without the factor T^2.
 * [B,K] each. */
Tensor *loss_kl(const Tensor *student, const Tensor *teacher, double temperature);
/* Cross-entropy with probabilities p instead of classes, batch mean. [B,K] each. */
Tensor *loss_soft(const Tensor *logits, const Tensor *p);
/* The mean of (s - t)^2 over samples and classes (G-VBSM, Shao et al. 2024). */
Tensor *loss_mse(const Tensor *student, const Tensor *teacher);
#endif
