/* FD2's constraints, which go on top of any base method: Eq. 9 to 12. */
#ifndef FD2_CONSTRAINTS_H
#define FD2_CONSTRAINTS_H
#include "lib/fd2/distill/similarity.h"
#include "lib/fd2/distill/terms.h"

/* L_other of Eq. 12: the base method's loss, with its cross-entropy or without. */
enum other { OTHER_BN, OTHER_FULL };
#define OTHER_CHOICES "bn|full"

struct constraints_config {
	bool no_lf, no_ls; /* without L_F, without L_S */
	bool bn_head;      /* the statistics of the attention head's BatchNorm count as well */
	double beta, lambda;
	long lf_negatives; /* of L_F, those nearest to the representation; 0: all */
	enum other other;
	enum ls_view ls_view;
	struct ls_form ls_form;
	double ls_weight; /* below 0: 1 - lambda */
	long ls_every;
};

/* A = g(F) in a step's pass, which reports the head's BatchNorm only if it counts. */
Tensor *constraints_attention(const struct constraints_config *c, const struct teacher *t,
    const Tensor *F, const struct pass *pass);
/* Eq. 12, the total of a step. Given are the base method's loss, its cross-entropy, and S (Eq. 10)
 * or NULL; t gets the terms "cls" (Eq. 11), "F" (Eq. 9) and "S", unweighted. */
Tensor *constraints_loss(const struct constraints_config *c, const struct step_pass *p,
    Tensor *base, Tensor *ce, Tensor *S, struct terms *t);
/* Adds the same terms as off: --plain. */
void constraints_off(struct terms *t);
#endif
