/* oneDNN's gradient of the input of a depthwise convolution of stride 2 in bf16 takes up to a hundred times as long as its forward
 * pass: half of an iteration of MobileNetV2. The same gradient is a forward convolution of stride 1: of dy, with zeros between its
 * pixels so that it is as large as x, with the kernel turned round. */
#include "lib/torch/depthwise.h"
#include <ATen/ops/conv2d.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

namespace
{

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/* dy [N,C,h,w] on every stride-th pixel of `size`, [N,C,H,W] */
Tensor spread(const Tensor &dy, at::IntArrayRef size, int64_t stride)
{
	const Tensor wide = at::empty(size, dy.options(), at::MemoryFormat::ChannelsLast).zero_();
	wide.slice(2, 0, stride * dy.size(2), stride).slice(3, 0, stride * dy.size(3), stride).copy_(dy);
	return wide;
}

struct Depthwise : torch::autograd::Function<Depthwise> {
	static Tensor forward(AutogradContext *ctx, const Tensor &x, const Tensor &w, int64_t stride, int64_t padding)
	{
		ctx->save_for_backward({w.requires_grad() ? x : Tensor(), w});
		ctx->saved_data["size"] = x.sizes();
		ctx->saved_data["stride"] = stride;
		ctx->saved_data["padding"] = padding;
		return at::conv2d(x, w, {}, stride, padding, 1, x.size(1));
	}

	static variable_list backward(AutogradContext *ctx, variable_list d)
	{
		const variable_list saved = ctx->get_saved_variables();
		const Tensor &x = saved[0], &w = saved[1], &dy = d[0];
		const int64_t stride = ctx->saved_data["stride"].toInt(), padding = ctx->saved_data["padding"].toInt();
		Tensor dx, dw;
		if (ctx->needs_input_grad(0)) {
			const Tensor wide = spread(dy, ctx->saved_data["size"].toIntVector(), stride);
			dx = at::conv2d(wide, w.flip({2, 3}), {}, 1, w.size(2) - 1 - padding, 1, dy.size(1));
		}
		if (ctx->needs_input_grad(1))
			dw = std::get<1>(at::convolution_backward(dy, x, w, {}, {stride, stride}, {padding, padding}, {1, 1}, false,
			    {0, 0}, dy.size(1), {false, true, false}));
		return {dx, dw, Tensor(), Tensor()};
	}
};

} // namespace

/* The padding is that of a kernel whose middle stays within the image. */
bool is_strided_depthwise(const Tensor &x, const Tensor &w, int64_t stride, int64_t padding, int64_t groups)
{
	return x.is_cpu() && x.scalar_type() == at::kBFloat16 && stride > 1 && x.dim() == 4 && groups == x.size(1) &&
	       w.size(0) == groups && 2 * padding == w.size(2) - 1 && w.size(2) == w.size(3);
}

Tensor strided_depthwise(const Tensor &x, const Tensor &w, int64_t stride, int64_t padding)
{
	return Depthwise::apply(x, w, stride, padding);
}
