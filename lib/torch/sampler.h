/* The orders in which torch.utils.data.RandomSampler goes through a data set, with a
 * torch.Generator of that seed. */
#ifndef FD2_TORCH_SAMPLER_H
#define FD2_TORCH_SAMPLER_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct sampler;
/* NULL: tensor_error. */
struct sampler *sampler_new(uint64_t seed);
/* The next epoch's order of 0..n-1. The sampler draws two permutations per epoch and uses the
 * first. 0 or -1. */
int sampler_next(struct sampler *s, int64_t *order, int64_t n);
void sampler_free(struct sampler *s);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
