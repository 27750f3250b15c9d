/* FD2's constraints (Eq. 9 to 12), which can be added to any base method. */
#ifndef FD2_CONSTRAINTS_H
#define FD2_CONSTRAINTS_H
#include "lib/fd2/distill/similarity.h"
#include "lib/fd2/distill/terms.h"

/* L_other of Eq. 12: the base method's loss without its cross-entropy (BN) or with it (FULL). */
enum other { OTHER_BN, OTHER_FULL };
#define OTHER_CHOICES "bn|full"

struct constraints_config {
	bool no_lf, no_ls; /* without L_F, without L_S */
	bool bn_head;      /* match the statistics of the attention head's BatchNorm as well */
	double beta, lambda;
	long lf_negatives; /* prototypes in L_F: this many nearest to the representation; 0: all */
	enum other other;
	enum ls_view ls_view;
	struct ls_form ls_form;
	double ls_weight; /* below 0: 1 - lambda */
	long ls_every;
};

/* Returns A = g(F) in a step's pass, which reports the head's BatchNorm only with c->bn_head. */
Tensor *constraints_attention(const struct constraints_config *c, const struct teacher *t,
    const Tensor *F, const struct pass *pass);
/* Returns Eq. 12, the total loss of a step, from the base method's loss, its cross-entropy, and S
 * (Eq. 10) or NULL. Adds the unweighted terms "cls" (Eq. 11), "F" (Eq. 9) and "S" to t. */
Tensor *constraints_loss(const struct constraints_config *c, const struct step_pass *p,
    Tensor *base, Tensor *ce, Tensor *S, struct terms *t);
/* Adds the same terms, switched off, for --plain. */
void constraints_off(struct terms *t);
#endif
