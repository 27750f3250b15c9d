/* libtorch's fused optimiser steps. */
#include "lib/torch/handle.h"
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

namespace
{

using List = std::vector<at::Tensor>;

/* The fused kernels walk through memory and check neither shapes nor strides, so what goes with the parameters must be laid
 * out as they are. */
bool same_layout(const at::Tensor &p, const at::Tensor &t)
{
	for (int64_t i = 0; i < p.dim(); i++)
		if (p.size(i) > 1 && p.stride(i) != t.stride(i))
			return false;
	return t.is_non_overlapping_and_dense();
}

void check_shapes(const List &params, const List &list, const char *what)
{
	for (size_t i = 0; i < params.size(); i++) {
		TORCH_CHECK(params[i].is_non_overlapping_and_dense(), "parameter ", i, " has gaps in memory");
		TORCH_CHECK(list[i].sizes() == params[i].sizes() && list[i].scalar_type() == params[i].scalar_type(), what, " ", i,
		    " has another shape or type than its parameter: ", list[i].sizes(), " for ", params[i].sizes());
	}
}

List gradients(const List &params, Tensor *const *grads)
{
	List list = values(grads, (int)params.size());
	check_shapes(params, list, "gradient");
	for (size_t i = 0; i < params.size(); i++)
		if (!same_layout(params[i], list[i]))
			list[i] = at::empty_like(params[i]).copy_(list[i]);
	return list;
}

List buffers(const List &params, Tensor *const *state)
{
	List list = values(state, (int)params.size());
	check_shapes(params, list, "buffer");
	for (size_t i = 0; i < params.size(); i++)
		TORCH_CHECK(same_layout(params[i], list[i]), "buffer ", i, " is laid out otherwise than its parameter");
	return list;
}

} // namespace

void tensor_sgd_(Tensor *const *params, Tensor *const *grads, Tensor *const *momentum, int n, long step, double lr, double mu,
    double weight_decay, bool nesterov)
{
	attempt("sgd_", {}, [&] {
		const c10::AutoGradMode off(false);
		const List p = values(params, n), g = gradients(p, grads), m = mu ? buffers(p, momentum) : List();
		if (n)
			at::_fused_sgd_(p, g, m, weight_decay, mu, lr, 0, nesterov, false, step == 1);
	});
}

void tensor_adam_(Tensor *const *params, Tensor *const *grads, Tensor *const *m, Tensor *const *v, int n, long step, double lr,
    double beta1, double beta2, double eps, double weight_decay, bool decoupled)
{
	attempt("adam_", {}, [&] {
		const c10::AutoGradMode off(false);
		const List p = values(params, n), g = gradients(p, grads), m1 = buffers(p, m), m2 = buffers(p, v);
		if (!n)
			return;
		const List steps((size_t)n, at::full({}, (double)step, on_device(T_F32)));
		if (decoupled)
			at::_fused_adamw_(p, g, m1, m2, {}, steps, lr, beta1, beta2, weight_decay, eps, false, false);
		else
			at::_fused_adam_(p, g, m1, m2, {}, steps, lr, beta1, beta2, weight_decay, eps, false, false);
	});
}
