/* Chooses images of a class (fd2-method(7), SELECTION). Each function fills chosen[0..ipc-1] with
 * different indices below n, n >= ipc, in order of choice; a smaller ipc gives the first ones. */
#ifndef FD2_CORESET_H
#define FD2_CORESET_H
#include <stdint.h>

/* Chooses uniformly without replacement; depends only on seed, class k and n. */
void coreset_random(uint32_t *chosen, int ipc, int n, uint64_t seed, int k);

/* Chooses those with the largest v [n]; of equal ones the first. */
void coreset_largest(uint32_t *chosen, int ipc, const float *v, int n);

/* f [n][C]: the images' features; of equally good images the first is chosen. */

/* Herding (Welling 2009; matches the class mean mu as Zhao et al. 2021 do): step i = 0, 1, ...
 * takes the image that minimises |(i+1) mu - sum of the chosen f - f|. */
void coreset_herding(uint32_t *chosen, int ipc, const float *f, int n, int C);
/* K-Center (Gonzalez 1985; Sener and Savarese 2018): takes the image nearest to the class mean,
 * then repeatedly the one farthest from its nearest chosen one. */
void coreset_k_center(uint32_t *chosen, int ipc, const float *f, int n, int C);
#endif
