/* Optimiser steps by libtorch's fused kernels. */
#include "lib/torch/numbers.h"
#include "lib/torch/optim.h"
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mul.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

namespace
{

using List = std::vector<at::Tensor>;

/* The fused kernels walk through memory and check neither shapes nor strides, so gradients and
 * buffers must be laid out like the parameters. */
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
		TORCH_CHECK(params[i].is_non_overlapping_and_dense(), "parameter ", i,
		    " has gaps in memory");
		TORCH_CHECK(list[i].sizes() == params[i].sizes() &&
		                list[i].scalar_type() == params[i].scalar_type(),
		    what, " ", i,
		    " has another shape or type than its parameter: ", list[i].sizes(), " for ",
		    params[i].sizes());
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
		TORCH_CHECK(same_layout(params[i], list[i]), "buffer ", i,
		    " is laid out otherwise than its parameter");
	return list;
}

/* Real is double on the CPU; float on a GPU, as its kernels read it. */
template <class Real> struct numbers {
	Real step, lr;
};

at::Tensor room_for_numbers()
{
	return device_is_cuda() ? bytes_for<numbers<float>>(1) : bytes_for<numbers<double>>(1);
}

void put_numbers(const at::Tensor &t, long step, double lr)
{
	const numbers<float> f32 = {(float)step, (float)lr};
	const numbers<double> f64 = {(double)step, lr};
	if (device_is_cuda())
		put(t, &f32, 1);
	else
		put(t, &f64, 1);
}

/* Calls f(step [], lr); lr is a tensor on a GPU, a number on the CPU. */
template <class F> void with_numbers(const struct optim_step *how, F f)
{
	const at::Tensor &t = how->numbers->value;
	if (device_is_cuda()) {
		const at::Tensor both = t.view(at::kFloat);
		f(both[0], at::mul(both[1], how->share));
	} else {
		const auto *k = numbers_at<numbers<double>>(t);
		f(at::full({}, k->step, on_device(T_F32)), k->lr * how->share);
	}
}

} // namespace

Tensor *tensor_optim_numbers(long step, double lr)
{
	return make("optim_numbers", {}, [&] {
		const at::Tensor t = room_for_numbers();
		put_numbers(t, step, lr);
		return t;
	});
}

void tensor_optim_numbers_(Tensor *t, long step, double lr)
{
	attempt("optim_numbers_", {t}, [&] { put_numbers(t->value, step, lr); });
}

/* Needs no special first step, because momentum starts as zeros. */
void tensor_sgd_(Tensor *const *params, Tensor *const *grads, Tensor *const *momentum, int n,
    const struct optim_step *how, double mu, bool nesterov)
{
	if (!how->numbers)
		return;
	attempt("sgd_", {}, [&] {
		const c10::AutoGradMode off(false);
		const List p = values(params, n), g = gradients(p, grads),
		           m = mu ? buffers(p, momentum) : List();
		if (!n)
			return;
		with_numbers(how, [&](const at::Tensor &, const auto &lr) {
			at::_fused_sgd_(
			    p, g, m, how->weight_decay, mu, lr, 0, nesterov, false, false);
		});
	});
}

void tensor_adam_(Tensor *const *params, Tensor *const *grads, Tensor *const *m, Tensor *const *v,
    int n, const struct optim_step *how, double beta1, double beta2, double eps, bool decoupled)
{
	if (!how->numbers)
		return;
	attempt("adam_", {}, [&] {
		const c10::AutoGradMode off(false);
		const List p = values(params, n), g = gradients(p, grads), m1 = buffers(p, m),
		           m2 = buffers(p, v);
		const double decay = how->weight_decay;
		if (!n)
			return;
		with_numbers(how, [&](const at::Tensor &step, const auto &lr) {
			const List steps((size_t)n, step);
			if (decoupled)
				at::_fused_adamw_(p, g, m1, m2, {}, steps, lr, beta1, beta2, decay,
				    eps, false, false);
			else
				at::_fused_adam_(p, g, m1, m2, {}, steps, lr, beta1, beta2, decay,
				    eps, false, false);
		});
	});
}
