/* Computes gradients with autograd. */
#include "lib/torch/handle.h"
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/autograd.h>

void tensor_requires_grad_(Tensor *t, bool on)
{
	attempt("requires_grad_", {t}, [&] { t->value.set_requires_grad(on); });
}

int tensor_grad(const Tensor *loss, Tensor *const *inputs, int n, Tensor **grads, bool create_graph)
{
	for (int i = 0; i < n; i++)
		grads[i] = nullptr;
	for (int i = 0; i < n; i++)
		if (!inputs[i])
			return -1;
	const int status = attempt("grad", {loss}, [&] {
		TORCH_CHECK(loss->value.numel() == 1, "the loss must have one element");
		const auto found = torch::autograd::grad(
		    {loss->value}, values(inputs, n), {}, std::nullopt, create_graph, true);
		for (int i = 0; i < n; i++)
			grads[i] =
			    adopt(found[i].defined() ? found[i] : at::zeros_like(inputs[i]->value));
	});
	for (int i = 0; status && i < n; i++) {
		tensor_free(grads[i]);
		grads[i] = nullptr;
	}
	return status;
}
