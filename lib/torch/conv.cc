/* Gradients of convolutions that oneDNN computes slowly on the CPU.
 *
 * oneDNN splits the weight gradient over threads that spin at barriers; on a shared machine a
 * thread can spin longer than the gradient takes. Here each thread processes some of the images
 * alone.
 *
 * oneDNN's input gradient of a bf16 depthwise convolution of stride 2 takes up to a hundred times
 * as long as its forward pass: half of an iteration of MobileNetV2. The same gradient is a forward
 * convolution of stride 1 with the kernel rotated by 180 degrees, over dy spread to the size of x
 * with zeros between its pixels. */
#include "lib/torch/conv.h"
#include <ATen/Parallel.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <omp.h>
#include <torch/csrc/autograd/custom_function.h>
#include <algorithm>

namespace
{

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct shape {
	int64_t stride, padding, groups;
};

Tensor gradient(const Tensor &dy, const Tensor &x, const Tensor &w, const shape &s, bool of_weights)
{
	const auto d =
	    at::convolution_backward(dy, x, w, {}, {s.stride, s.stride}, {s.padding, s.padding},
	        {1, 1}, false, {0, 0}, s.groups, {!of_weights, of_weights, false});
	return of_weights ? std::get<1>(d) : std::get<0>(d);
}

/* Keeps libtorch and oneDNN from starting threads inside a parallel region. Calls
 * at::get_num_threads() first, because a thread's first call sets its number of threads. */
struct alone {
	const c10::AutoGradMode off{false};
	const int threads = at::get_num_threads();
	alone()
	{
		omp_set_num_threads(1);
	}
	~alone()
	{
		omp_set_num_threads(threads);
	}
};

/* Returns the f32 weight gradient. The sum within a part is rounded to x's type, as in oneDNN; the
 * parts are added in f32. */
Tensor weight_gradient(const Tensor &dy, const Tensor &x, const Tensor &w, const shape &s)
{
	const int64_t N = x.size(0), parts = std::min<int64_t>(at::get_num_threads(), N);
	if (parts < 2)
		return gradient(dy, x, w, s, true).to(at::kFloat);
	std::vector<Tensor> part((size_t)parts);
	at::parallel_for(0, parts, 1, [&](int64_t from, int64_t to) {
		const alone guard;
		for (int64_t p = from; p < to; p++) {
			const int64_t first = p * N / parts, n = (p + 1) * N / parts - first;
			part[(size_t)p] =
			    gradient(dy.narrow(0, first, n), x.narrow(0, first, n), w, s, true);
		}
	});
	Tensor sum = part[0].to(at::kFloat);
	for (int64_t p = 1; p < parts; p++)
		sum.add_(part[(size_t)p]);
	return sum;
}

/* Requires an odd kernel with padding (k-1)/2, whose centre stays within the image. */
bool is_strided_depthwise(const Tensor &x, const Tensor &w, const shape &s)
{
	return x.scalar_type() == at::kBFloat16 && s.stride > 1 && s.groups == x.size(1) &&
	       w.size(0) == s.groups && 2 * s.padding == w.size(2) - 1 && w.size(2) == w.size(3);
}

/* Spreads dy [N,C,h,w] over every stride-th pixel of a tensor of `size` [N,C,H,W]; the rest is
 * 0. */
Tensor spread(const Tensor &dy, at::IntArrayRef size, int64_t stride)
{
	const Tensor wide = at::empty(size, dy.options(), at::MemoryFormat::ChannelsLast).zero_();
	wide.slice(2, 0, stride * dy.size(2), stride)
	    .slice(3, 0, stride * dy.size(3), stride)
	    .copy_(dy);
	return wide;
}

Tensor input_gradient(const Tensor &dy, const Tensor &x, const Tensor &w, const shape &s)
{
	if (!is_strided_depthwise(x, w, s))
		return gradient(dy, x, w, s, false);
	return at::conv2d(spread(dy, x.sizes(), s.stride), w.flip({2, 3}), {}, 1,
	    w.size(2) - 1 - s.padding, 1, s.groups);
}

struct Conv : torch::autograd::Function<Conv> {
	static Tensor forward(
	    AutogradContext *ctx, const Tensor &x, const Tensor &parameter, const shape &s)
	{
		const Tensor w = parameter.to(x.scalar_type());
		ctx->save_for_backward({x, w});
		ctx->saved_data["stride"] = s.stride;
		ctx->saved_data["padding"] = s.padding;
		ctx->saved_data["groups"] = s.groups;
		return at::conv2d(x, w, {}, s.stride, s.padding, 1, s.groups);
	}

	static variable_list backward(AutogradContext *ctx, variable_list d)
	{
		const variable_list saved = ctx->get_saved_variables();
		const Tensor &x = saved[0], &w = saved[1];
		const shape s = {ctx->saved_data["stride"].toInt(),
		    ctx->saved_data["padding"].toInt(), ctx->saved_data["groups"].toInt()};
		return {ctx->needs_input_grad(0) ? input_gradient(d[0], x, w, s) : Tensor(),
		    ctx->needs_input_grad(1) ? weight_gradient(d[0], x, w, s) : Tensor(), Tensor()};
	}
};

} // namespace

bool has_slow_gradient(
    const Tensor &x, const Tensor &w, int64_t stride, int64_t padding, int64_t groups)
{
	const bool fits = x.is_cpu() && x.dim() == 4 && w.dim() == 4 &&
	                  c10::GradMode::is_enabled() && x.scalar_type() != at::kDouble;
	const bool shared =
	    w.requires_grad() && w.scalar_type() == at::kFloat && at::get_num_threads() > 1;
	return fits && (shared || is_strided_depthwise(x, w, {stride, padding, groups}));
}

Tensor conv2d(const Tensor &x, const Tensor &w, int64_t stride, int64_t padding, int64_t groups)
{
	return Conv::apply(x, w, shape{stride, padding, groups});
}
