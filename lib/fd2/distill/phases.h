/* The phases of an image: stretches of optimisation at one size, each with an Adam of its own. */
#ifndef FD2_PHASES_H
#define FD2_PHASES_H
#include "lib/fd2/distill/method.h"

/* The phase, from 0, of `step`, from 0; steps >= 1 are split as equally as whole numbers allow.
 * With fewer steps than phases, some phases have none. */
int phase_at(long step, long steps, int phases);
/* Adam's in `step`, from 0: a cosine over all phases. */
double learning_rate(const struct method *m, long step);
struct view_size phase_size(const struct method *m, int phase);
/* Bilinear without antialiasing: [N,3,h,w] -> [N,3,size,size], channels-last, a copy. */
Tensor *phase_resize(const Tensor *x, int size);
/* What a phase of `size` starts with, [N,3,size,size] f32 channels-last, a copy. x [N,3,h,w] are
 * the images of the phase before it, NULL in the first; start [N,3,S,S] the initial images. */
Tensor *phase_start(const struct method *m, const Tensor *x, const Tensor *start, int size);
#endif
