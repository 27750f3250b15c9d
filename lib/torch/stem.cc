/* A network's first convolution, with stride 2, three input channels and frozen weights. oneDNN's
 * input gradient runs at a seventh of the speed of its forward pass, but can be written as a
 * forward convolution: the pixels of dx with one parity of row and column are a stride-1
 * convolution of dy. With the four parities as output channels:
 *
 *   dx[2i+a, 2j+b, c] = sum over t, u, o of W[a,b,c; o,t,u] dy[i+t-before, j+u-before, o]
 *   W[a,b,c; o,t,u]   = w[o,c, 2(before-t)+a+padding, 2(before-u)+b+padding], 0 outside the
 * kernel. */
#include "lib/torch/fused.h"
#include "lib/torch/handle.h"
#include <ATen/Parallel.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>
#include <cstring>
#include <torch/csrc/autograd/custom_function.h>

namespace
{

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr at::MemoryFormat last = at::MemoryFormat::ChannelsLast;

/* Taps before and after the pixel: row 2(i-o)+a+padding is in the kernel for i-o in [-behind,
 * before]. */
struct reach {
	int64_t before, behind;
};

reach reach_of(int64_t kernel, int64_t padding)
{
	return {(kernel - 1 - padding) / 2, (padding + 1) / 2};
}

/* Interleaves [N,12,h+r,w+r], channels in the order a, b, c, into pixels [N,3,2h,2w], without the
 * first `skip` rows and columns. */
Tensor interleave(const Tensor &parts, int64_t h, int64_t w, int64_t skip)
{
	const int64_t size = (int64_t)parts.element_size(), wide = parts.size(3),
	              high = parts.size(2), pair = 6 * size;
	const Tensor dx = at::empty({parts.size(0), 3, 2 * h, 2 * w}, parts.options(), last);
	const char *from = (const char *)parts.const_data_ptr();
	char *to = (char *)dx.data_ptr();
	at::parallel_for(0, parts.size(0) * h, 64, [&](int64_t first, int64_t end) {
		for (int64_t row = first; row < end; row++)
			for (int64_t a = 0; a < 2; a++) {
				const char *in =
				    from +
				    (((row / h) * high + row % h + skip) * wide + skip) * 2 * pair +
				    a * pair;
				char *out = to + (2 * row + a) * w * pair;
				for (int64_t j = 0; j < w; j++)
					memcpy(out + j * pair, in + 2 * j * pair, (size_t)pair);
			}
	});
	return dx;
}

struct Stem : torch::autograd::Function<Stem> {
	static Tensor forward(AutogradContext *ctx, const Tensor &x, const Tensor &w,
	    const Tensor &adjoint, int64_t padding)
	{
		ctx->save_for_backward({adjoint});
		ctx->saved_data["kernel"] = w.size(2);
		ctx->saved_data["padding"] = padding;
		return at::conv2d(x, w, {}, 2, padding);
	}

	static variable_list backward(AutogradContext *ctx, variable_list d)
	{
		const Tensor adjoint = ctx->get_saved_variables()[0], dy = d[0].contiguous(last);
		const reach r =
		    reach_of(ctx->saved_data["kernel"].toInt(), ctx->saved_data["padding"].toInt());
		const Tensor parts =
		    at::conv2d(dy, adjoint, {}, 1, std::max(r.before, r.behind)).contiguous(last);
		const Tensor dx = interleave(
		    parts, dy.size(2), dy.size(3), std::max(r.behind - r.before, (int64_t)0));
		return {dx, Tensor(), Tensor(), Tensor()};
	}
};

} // namespace

::Tensor *tensor_stem_adjoint(const ::Tensor *w, int padding)
{
	return make("stem_adjoint", {w}, [&] {
		const int64_t k = w->value.size(2), O = w->value.size(0);
		const reach r = reach_of(k, padding);
		const int64_t taps = r.before + r.behind + 1;
		const at::Tensor from = w->value.permute({1, 0, 2, 3}),
		                 W = at::zeros({2, 2, 3, O, taps, taps}, w->value.options());
		for (int64_t at = 0; at < 4 * taps * taps; at++) {
			const int64_t a = at & 1, b = at >> 1 & 1, t = (at >> 2) / taps,
			              u = (at >> 2) % taps;
			const int64_t y = 2 * (r.before - t) + a + padding,
			              x = 2 * (r.before - u) + b + padding;
			if (y >= 0 && y < k && x >= 0 && x < k)
				W[a][b].select(2, t).select(2, u).copy_(
				    from.select(2, y).select(2, x));
		}
		return W.reshape({12, O, taps, taps}).contiguous(last);
	});
}

::Tensor *tensor_stem(const ::Tensor *x, const ::Tensor *w, const ::Tensor *adjoint, int padding)
{
	return make("stem", {x, w, adjoint}, [&] {
		TORCH_CHECK(x->value.dim() == 4 && x->value.size(1) == 3 &&
		                x->value.size(2) % 2 == 0 && x->value.size(3) % 2 == 0,
		    "[N,3,H,W] of even size was expected");
		if (device_is_cuda()) /* cuDNN's own gradient is fast */
			return at::conv2d(x->value, w->value, {}, 2, padding);
		return Stem::apply(x->value, w->value, adjoint->value, padding);
	});
}
