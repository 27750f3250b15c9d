/* Draws the orders of torch.utils.data.RandomSampler. */
#ifndef FD2_TORCH_SAMPLER_H
#define FD2_TORCH_SAMPLER_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Reproduces the orders of a RandomSampler whose torch.Generator has this seed. */
struct sampler;
struct sampler *sampler_new(uint64_t seed); /* NULL: tensor_error */
/* Writes the next epoch's order of 0..n-1. Like torch, draws two permutations per epoch and uses
 * the first. 0 or -1. */
int sampler_next(struct sampler *s, int64_t *order, int64_t n);
void sampler_free(struct sampler *s);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
