/* The learned images: the step's view with its adjoint, and Adam with the clamp, each one pass over memory. */
#include "lib/torch/handle.h"
#include "lib/torch/pixel-rows.h"
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <cmath>
#include <torch/csrc/autograd/custom_function.h>

namespace
{

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr at::MemoryFormat last = at::MemoryFormat::ChannelsLast;

struct taps {
	std::vector<tap> rows, columns;
};

taps taps_of(const pixel_view &v, int64_t H, int64_t W)
{
	TORCH_CHECK(
	    v.x >= 0 && v.y >= 0 && v.w > 0 && v.h > 0 && v.x + v.w <= W && v.y + v.h <= H && v.roll_x >= 0 && v.roll_y >= 0,
	    "the box leaves the image");
	taps t = {std::vector<tap>(H), std::vector<tap>(W)};
	view_taps(t.rows.data(), H, v.y, v.h, false, v.roll_y);
	view_taps(t.columns.data(), W, v.x, v.w, v.flip, v.roll_x);
	return t;
}

/* f(i, room): image i, with 6*W floats to work in */
template <class F> void over_images(const Tensor &x, F f)
{
	at::parallel_for(0, x.size(0), 1, [&](int64_t from, int64_t to) {
		std::vector<float> room(6 * x.size(3));
		for (int64_t i = from; i < to; i++)
			f(i, room.data());
	});
}

struct StepView : torch::autograd::Function<StepView> {
	static Tensor forward(AutogradContext *ctx, const Tensor &input, const pixel_view &v, at::ScalarType type)
	{
		const Tensor x = input.contiguous(last);
		const int64_t H = x.size(2), W = x.size(3), one = 3 * H * W;
		const taps t = taps_of(v, H, W);
		const bool bf16 = type == at::kBFloat16;
		const Tensor y = at::empty(x.sizes(), x.options().dtype(type), last);
		over_images(x, [&](int64_t i, float *room) {
			view_forward(x.const_data_ptr<float>() + i * one, (char *)y.data_ptr() + i * one * (bf16 ? 2 : 4), bf16,
			    t.rows.data(), t.columns.data(), H, W, room);
		});
		ctx->saved_data["view"] = std::vector<int64_t>{v.x, v.y, v.w, v.h, v.flip, v.roll_x, v.roll_y};
		return y;
	}

	static variable_list backward(AutogradContext *ctx, variable_list d)
	{
		const std::vector<int64_t> s = ctx->saved_data["view"].toIntVector();
		const Tensor dy = d[0].contiguous(last);
		const int64_t H = dy.size(2), W = dy.size(3), one = 3 * H * W;
		const taps t = taps_of({(int)s[0], (int)s[1], (int)s[2], (int)s[3], s[4] != 0, (int)s[5], (int)s[6]}, H, W);
		const bool bf16 = dy.scalar_type() == at::kBFloat16;
		const Tensor dx = at::empty(dy.sizes(), dy.options().dtype(at::kFloat), last);
		over_images(dx, [&](int64_t i, float *room) {
			view_adjoint((const char *)dy.const_data_ptr() + i * one * (bf16 ? 2 : 4), dx.data_ptr<float>() + i * one,
			    bf16, t.rows.data(), t.columns.data(), H, W, room);
		});
		return {dx, Tensor(), Tensor()};
	}
};

void check_pixels(const at::Tensor &t)
{
	TORCH_CHECK(t.dim() == 4 && t.size(1) == 3 && t.scalar_type() == at::kFloat, "[N,3,H,W] in f32 was expected");
}

} // namespace

::Tensor *tensor_step_view(const ::Tensor *x, const struct pixel_view *v, enum scalar type)
{
	return make("step_view", {x}, [&] {
		check_pixels(x->value);
		TORCH_CHECK(type == T_F32 || type == T_BF16, "f32 or bf16 was expected");
		return StepView::apply(x->value, *v, scalar_type(type));
	});
}

void tensor_adam_pixels_(::Tensor *x, const ::Tensor *grad, ::Tensor *m, ::Tensor *v, long step, const struct adam_pixels *how)
{
	attempt("adam_pixels_", {x, grad, m, v}, [&] {
		const c10::AutoGradMode off(false);
		for (const at::Tensor &t : {x->value, m->value, v->value}) {
			check_pixels(t);
			TORCH_CHECK(t.is_contiguous(last) && t.sizes() == grad->value.sizes(),
			    "channels-last pixels of one shape were expected");
		}
		const at::Tensor g = grad->value.to(at::kFloat).contiguous(last);
		adam k = {(float)how->beta1, (float)how->beta2, (float)how->eps};
		k.rate = (float)(how->lr / (1 - std::pow(how->beta1, step)));
		k.root = (float)(1 / std::sqrt(1 - std::pow(how->beta2, step)));
		std::copy_n(how->lo, 3, k.lo);
		std::copy_n(how->hi, 3, k.hi);
		float *px = x->value.data_ptr<float>(), *pm = m->value.data_ptr<float>(), *pv = v->value.data_ptr<float>();
		const float *pg = g.const_data_ptr<float>();
		at::parallel_for(0, g.numel() / 3, 1 << 14, [&](int64_t from, int64_t to) {
			adam_rows(&k, px + 3 * from, pg + 3 * from, pm + 3 * from, pv + 3 * from, to - from);
		});
	});
}
