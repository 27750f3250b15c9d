/* Images in a flat place of the loss: a teacher sees them as it sees their average over steps (EDC,
 * Shao et al. 2024b). */
#ifndef FD2_FLATNESS_H
#define FD2_FLATNESS_H
#include "lib/torch/tensor.h"

struct method;
struct step_pass;
struct terms;
/* The term "flat": m->flatness / (N K) times the sum over images and classes of KL(softmax(average
 * / 4) || softmax(images / 4)), of the logits of p->smooth, through the step's views, and of the
 * images. Then p->smooth takes a hundredth of the images. One more pass, without gradient. */
Tensor *flatness_term(const struct method *m, const struct step_pass *p, struct terms *t);
#endif
