/* Keeps images in a flat region of the loss: a teacher should see them as it sees their average
 * over steps (EDC, Shao et al. 2024b). */
#ifndef FD2_FLATNESS_H
#define FD2_FLATNESS_H
#include "lib/torch/tensor.h"

struct method;
struct step_pass;
struct terms;
/* Returns the term "flat": m->flatness / (N K) times the sum over the images of KL(softmax(average
 * / 4) || softmax(images / 4)), where `average` are the logits of p->smooth through the step's
 * views, and `images` those of the images. Then moves p->smooth by a hundredth towards the images.
 * Takes one more pass, without gradient. */
Tensor *flatness_term(const struct method *m, const struct step_pass *p, struct terms *t);
#endif
