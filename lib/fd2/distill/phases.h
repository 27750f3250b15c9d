/* Phases of optimisation: each has one size of images and its own Adam state. */
#ifndef FD2_PHASES_H
#define FD2_PHASES_H
#include "lib/fd2/distill/method.h"

/* Returns the phase, from 0, of `step`, from 0; steps >= 1 are split as equally as whole numbers
 * allow. With fewer steps than phases, some phases have none. */
int phase_at(long step, long steps, int phases);
/* Returns Adam's learning rate in `step`, from 0: half a cosine wave over all phases. */
double learning_rate(const struct method *m, long step);
struct view_size phase_size(const struct method *m, int phase);
/* Resizes bilinearly, without antialiasing: [N,3,h,w] -> [N,3,size,size], channels-last. Returns a
 * copy, also if the size stays. */
Tensor *phase_resize(const Tensor *x, int size);
/* Returns the images that a phase of `size` starts with, [N,3,size,size] f32 channels-last, a copy.
 * x [N,3,h,w]: images after the previous phase, NULL in the first; start [N,3,S,S]: the initial
 * images. */
Tensor *phase_start(const struct method *m, const Tensor *x, const Tensor *start, int size);
#endif
