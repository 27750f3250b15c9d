/* BatchNorm with the batch's own statistics, fused with what follows it into one autograd function:
 * two passes over x forwards (statistics, values) and two backwards (sums, gradients), instead of
 * one per operation. CPU only; a GPU runs the operations one by one. */
#include "lib/kernels/elements.h"
#include "lib/torch/fused.h"
#include "lib/torch/handle.h"
#include "lib/torch/rows.h"
#include <ATen/ops/add.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/hardtanh.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <cmath>
#include <torch/csrc/autograd/custom_function.h>

namespace
{

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct BatchBn : torch::autograd::Function<BatchBn> {
	/* Returns y, and the mean and biased variance [C] of x. pivot [C] is subtracted before
	 * summing; close to the mean, it preserves precision. */
	static variable_list forward(AutogradContext *ctx, const Tensor &input,
	    const Tensor &weight, const Tensor &bias, const Tensor &pivot,
	    const std::optional<Tensor> &residual, double top, bool pools, double eps)
	{
		const Tensor x = like_pixels(input), y = empty_y(x, pools),
		             passed = what_passed(y, pools);
		const Tensor r = residual ? like_pixels(*residual) : Tensor();
		const Tensor mean = at::empty_like(pivot), var = at::empty_like(pivot),
		             scale = at::empty_like(pivot);
		bn_pass k = pass_over(x, top, pools);
		k.pivot = pivot.const_data_ptr<float>();
		const std::vector<double> sums = sums_of_rows(k, x);
		const double rows = (double)(x.numel() / k.C);
		std::vector<float> shift(k.C);
		for (int64_t c = 0; c < k.C; c++) {
			float *m = mean.data_ptr<float>() + c, *v = var.data_ptr<float>() + c,
			      *s = scale.data_ptr<float>() + c;
			bn_mean_var(sums[c], sums[k.C + c], rows, k.pivot[c], m, v);
			*s = (float)(weight.const_data_ptr<float>()[c] / std::sqrt(*v + eps));
			shift[c] = bias.const_data_ptr<float>()[c] - *m * *s;
		}
		k.residual = r.defined() ? r.const_data_ptr() : nullptr;
		k.y = y.data_ptr();
		set_passed(&k, passed);
		k.scale = scale.const_data_ptr<float>();
		k.shift = shift.data();
		values_of_rows(k, x);
		ctx->save_for_backward({x, passed, scale, mean, var});
		ctx->saved_data["top"] = top;
		ctx->saved_data["pools"] = pools;
		ctx->saved_data["eps"] = eps;
		ctx->saved_data["adds"] = residual.has_value();
		ctx->mark_non_differentiable({mean, var});
		return {y, mean, var};
	}

	/* With S = sum d and T = sum d (x - mean): dbias = S, dweight = T / deviation, and dx =
	 * scale (d - S/n - (x - mean) T / (n (var + eps))), which is d scale + slope x + offset. */
	static variable_list backward(AutogradContext *ctx, variable_list d)
	{
		const variable_list saved = ctx->get_saved_variables();
		const Tensor &x = saved[0], &passed = saved[1], &scale = saved[2], &mean = saved[3],
		             &var = saved[4];
		const Tensor dy = like_pixels(d[0]), dx = at::empty_like(x);
		const Tensor dr = ctx->saved_data["adds"].toBool() ? at::empty_like(x) : Tensor();
		const Tensor dweight = at::empty_like(scale), dbias = at::empty_like(scale);
		bn_pass k = pass_over(
		    x, ctx->saved_data["top"].toDouble(), ctx->saved_data["pools"].toBool());
		set_passed(&k, passed);
		k.dy = dy.const_data_ptr();
		k.pivot = mean.const_data_ptr<float>();
		const std::vector<double> sums = gradient_sums_of_rows(k, x);
		const double rows = (double)(x.numel() / k.C),
		             eps = ctx->saved_data["eps"].toDouble();
		std::vector<float> slope(k.C), offset(k.C);
		for (int64_t c = 0; c < k.C; c++) {
			const double S = sums[c], T = sums[k.C + c],
			             v = var.const_data_ptr<float>()[c] + eps;
			const double s = scale.const_data_ptr<float>()[c],
			             per = -s * T / (rows * v);
			dbias.data_ptr<float>()[c] = (float)S;
			dweight.data_ptr<float>()[c] = (float)(T / std::sqrt(v));
			slope[c] = (float)per;
			offset[c] = (float)(-s * S / rows - per * k.pivot[c]);
		}
		k.dx = dx.data_ptr();
		k.dresidual = dr.defined() ? dr.data_ptr() : nullptr;
		k.scale = scale.const_data_ptr<float>();
		k.slope = slope.data();
		k.offset = offset.data();
		gradients_of_rows(k, x);
		return {dx, dweight, dbias, Tensor(), dr, Tensor(), Tensor(), Tensor()};
	}
};

/* Updates the running statistics. As in torch, running_var takes the unbiased variance; that of a
 * single value is 0 here. */
void keep_statistics(
    const struct bn_params *norm, const Tensor &mean, const Tensor &var, double n, double momentum)
{
	const c10::AutoGradMode off(false);
	norm->mean->value.mul_(1 - momentum).add_(mean, momentum);
	norm->var->value.mul_(1 - momentum).add_(var, momentum * n / std::max(n - 1, 1.0));
}

/* Updates the running statistics from one value per channel, where libtorch would store a NaN. */
void keep_single(const struct bn_params *norm, const Tensor &x, double momentum)
{
	const Tensor mean = x.detach().reshape({-1});
	keep_statistics(norm, mean, at::zeros_like(mean), 1, momentum);
}

Tensor one_by_one(
    const at::Tensor &x, const struct bn_params *norm, const struct bn_then *then, double momentum)
{
	const bool keeps = momentum > 0;
	Tensor y = at::batch_norm(x, norm->weight->value, norm->bias->value,
	    keeps ? norm->mean->value : Tensor(), keeps ? norm->var->value : Tensor(), true,
	    momentum, norm->eps, true);
	if (then->residual)
		y = at::add(y, then->residual->value);
	if (then->top > 0)
		y = std::isinf(then->top) ? at::relu_(y) : at::hardtanh_(y, 0, then->top);
	return then->pools ? at::max_pool2d(y, 3, 2, 1) : y;
}

} // namespace

::Tensor *tensor_batch_bn(
    const ::Tensor *x, const struct bn_params *norm, const struct bn_then *then, double momentum)
{
	return make("batch_bn", {x, norm->weight, norm->bias, norm->mean, norm->var}, [&] {
		check_norm(x->value, norm, then);
		const double n =
		    (double)(x->value.numel() / std::max<int64_t>(x->value.size(1), 1));
		if (device_is_cuda() && n == 1 && momentum > 0)
			keep_single(norm, x->value, momentum);
		if (device_is_cuda())
			return one_by_one(x->value, norm, then, n == 1 ? 0 : momentum);
		const at::Tensor pivot = norm->mean->value.clone();
		const variable_list out =
		    BatchBn::apply(x->value, norm->weight->value, norm->bias->value, pivot,
		        maybe(then->residual), then->top, then->pools, norm->eps);
		if (momentum > 0)
			keep_statistics(norm, out[1], out[2], n, momentum);
		return out[0];
	});
}
