/* One optimiser step over all parameters by libtorch's fused kernels. lib/nn/optim.h builds the
 * optimiser on it. */
#ifndef FD2_TORCH_OPTIM_H
#define FD2_TORCH_OPTIM_H
#include "lib/torch/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Stores a step's number, from 1, and its learning rate on the device, where the steps read them.
 * The second function replaces them in t. */
Tensor *tensor_optim_numbers(long step, double lr);
void tensor_optim_numbers_(Tensor *t, long step, double lr);
/* Gradients may have any layout; momentum, m and v start as zeros and have the parameters' layout.
 * momentum may be NULL if mu = 0. The learning rate is `share` times that in `numbers`. */
struct optim_step {
	const Tensor *numbers;
	double share, weight_decay;
};
void tensor_sgd_(Tensor *const *params, Tensor *const *grads, Tensor *const *momentum, int n,
    const struct optim_step *how, double mu, bool nesterov);
/* decoupled: use AdamW's weight decay instead of Adam's. */
void tensor_adam_(Tensor *const *params, Tensor *const *grads, Tensor *const *m, Tensor *const *v,
    int n, const struct optim_step *how, double beta1, double beta2, double eps, bool decoupled);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
