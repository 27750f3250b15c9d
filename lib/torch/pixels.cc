/* The learned images: the step's view and its adjoint, and Adam with the clamp, each in one pass
 * over memory. */
#include "lib/kernels/pixel-rows.h"
#include "lib/torch/cuda.h"
#include "lib/torch/handle.h"
#include "lib/torch/numbers.h"
#include "lib/torch/pixels.h"
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

taps taps_of(const pixel_view &v, const view_sides &s)
{
	taps t = {std::vector<tap>(s.h), std::vector<tap>(s.w)};
	view_taps(t.rows.data(), s.h, v.y, v.h, false, v.roll_y);
	view_taps(t.columns.data(), s.w, v.x, v.w, v.flip, v.roll_x);
	return t;
}

void check_box(const pixel_view &v, int64_t H, int64_t W)
{
	TORCH_CHECK(v.x >= 0 && v.y >= 0 && v.w > 0 && v.h > 0 && v.x + v.w <= W &&
	                v.y + v.h <= H && v.roll_x >= 0 && v.roll_y >= 0,
	    "the box leaves the image");
}

view_sides sides_of(const Tensor &image, const Tensor &seen)
{
	return {image.size(2), image.size(3), seen.size(2), seen.size(3)};
}

/* Calls f(image, taps, workspace) for each of N images with its view's taps and 6*w floats of
 * workspace. */
template <class F>
void over_images(int64_t N, const view_sides &s, const pixel_view *views, int64_t n, F f)
{
	const int64_t each = N / n;
	std::vector<taps> seen;
	for (int64_t i = 0; i < n; i++) {
		check_box(views[i], s.H, s.W);
		seen.push_back(taps_of(views[i], s));
	}
	at::parallel_for(0, N, 1, [&](int64_t from, int64_t to) {
		std::vector<float> workspace(6 * s.w);
		for (int64_t i = from; i < to; i++)
			f(i, seen[i / each], workspace.data());
	});
}

void view_cpu(const Tensor &x, const Tensor &y, const pixel_view *views, int64_t n)
{
	const view_sides s = sides_of(x, y);
	const bool bf16 = y.scalar_type() == at::kBFloat16;
	over_images(x.size(0), s, views, n, [&](int64_t i, const taps &t, float *workspace) {
		view_forward(x.const_data_ptr<float>() + i * 3 * s.H * s.W,
		    (char *)y.data_ptr() + i * 3 * s.h * s.w * (bf16 ? 2 : 4), bf16, t.rows.data(),
		    t.columns.data(), &s, workspace);
	});
}

void view_cuda(const Tensor &x, const Tensor &y, const pixel_view *views, int64_t n)
{
	const view_sides s = sides_of(x, y);
	cuda_check(cuda_kernels().view_forward(x.const_data_ptr<float>(), y.data_ptr(),
	    y.scalar_type() == at::kBFloat16, views, n, x.size(0), &s, cuda_stream()));
}

void adjoint_cpu(const Tensor &dy, const Tensor &dx, const pixel_view *views, int64_t n)
{
	const view_sides s = sides_of(dx, dy);
	const bool bf16 = dy.scalar_type() == at::kBFloat16;
	over_images(dx.size(0), s, views, n, [&](int64_t i, const taps &t, float *workspace) {
		view_adjoint((const char *)dy.const_data_ptr() + i * 3 * s.h * s.w * (bf16 ? 2 : 4),
		    dx.data_ptr<float>() + i * 3 * s.H * s.W, bf16, t.rows.data(), t.columns.data(),
		    &s, workspace);
	});
}

void adjoint_cuda(const Tensor &dy, const Tensor &dx, const pixel_view *views, int64_t n)
{
	const view_sides s = sides_of(dx, dy);
	cuda_check(cuda_kernels().view_adjoint(dy.const_data_ptr(), dx.data_ptr<float>(),
	    dy.scalar_type() == at::kBFloat16, views, n, dy.size(0), &s, cuda_stream()));
}

/* Returns the number of views. */
int64_t views_for(const Tensor &x, const Tensor &views)
{
	const int64_t n = views.numel() / (int64_t)sizeof(pixel_view);
	TORCH_CHECK(
	    n > 0 && x.size(0) % n == 0, x.size(0), " images cannot be seen through ", n, " views");
	return n;
}

/* views: the bytes of pixel_views, on x's device */
struct StepView : torch::autograd::Function<StepView> {
	static Tensor forward(AutogradContext *ctx, const Tensor &input, const Tensor &views,
	    int64_t h, int64_t w, at::ScalarType type)
	{
		const Tensor x = input.contiguous(last),
		             y = at::empty({x.size(0), 3, h, w}, x.options().dtype(type), last);
		(device_is_cuda() ? view_cuda : view_cpu)(
		    x, y, numbers_at<pixel_view>(views), views_for(x, views));
		/* Not save_for_backward, which checks for in-place changes: a step's backward pass
		 * always reads the views of the same step. */
		ctx->saved_data["views"] = views;
		ctx->saved_data["sizes"] = x.sizes();
		return y;
	}

	static variable_list backward(AutogradContext *ctx, variable_list d)
	{
		const Tensor dy = d[0].contiguous(last),
		             views = ctx->saved_data["views"].toTensor();
		const Tensor dx = at::empty(
		    ctx->saved_data["sizes"].toIntVector(), dy.options().dtype(at::kFloat), last);
		(device_is_cuda() ? adjoint_cuda : adjoint_cpu)(
		    dy, dx, numbers_at<pixel_view>(views), views_for(dy, views));
		return {dx, Tensor(), Tensor(), Tensor(), Tensor()};
	}
};

void check_pixels(const at::Tensor &t)
{
	TORCH_CHECK(t.dim() == 4 && t.size(1) == 3 && t.scalar_type() == at::kFloat,
	    "[N,3,H,W] in f32 was expected");
}

/* Returns Adam's numbers at `step`, counted from 1. */
adam adam_at(const adam_pixels &how, long step)
{
	adam k = {(float)how.beta1, (float)how.beta2, (float)how.eps};
	k.rate = (float)(how.lr / (1 - std::pow(how.beta1, step)));
	k.root = (float)(1 / std::sqrt(1 - std::pow(how.beta2, step)));
	std::copy_n(how.lo, 3, k.lo);
	std::copy_n(how.hi, 3, k.hi);
	return k;
}

void put_views(const Tensor &t, const pixel_view *views, int n, int w, int h)
{
	for (int i = 0; i < n; i++)
		check_box(views[i], h, w);
	put(t, views, n);
}

void put_adam(const Tensor &t, long step, const adam_pixels &how)
{
	const adam numbers = adam_at(how, step);
	put(t, &numbers, 1);
}

/* Tensors are f32 [N,3,H,W], channels-last; k is on x's device. */
void move_pixels(const Tensor &x, const Tensor &g, const Tensor &m, const Tensor &v, const adam *k)
{
	float *px = x.data_ptr<float>(), *pm = m.data_ptr<float>(), *pv = v.data_ptr<float>();
	const float *pg = g.const_data_ptr<float>();
	if (device_is_cuda())
		return cuda_check(
		    cuda_kernels().adam(k, px, pg, pm, pv, g.numel() / 3, cuda_stream()));
	at::parallel_for(0, g.numel() / 3, 1 << 14, [&](int64_t from, int64_t to) {
		adam_rows(k, px + 3 * from, pg + 3 * from, pm + 3 * from, pv + 3 * from, to - from);
	});
}

} // namespace

::Tensor *tensor_views(const struct pixel_view *views, int n, int w, int h)
{
	return make("views", {}, [&] {
		const at::Tensor t = bytes_for<pixel_view>(n);
		put_views(t, views, n, w, h);
		return t;
	});
}

void tensor_views_(::Tensor *t, const struct pixel_view *views, int n, int w, int h)
{
	attempt("views_", {t}, [&] { put_views(t->value, views, n, w, h); });
}

::Tensor *tensor_adam_numbers(long step, const struct adam_pixels *how)
{
	return make("adam_numbers", {}, [&] {
		const at::Tensor t = bytes_for<adam>(1);
		put_adam(t, step, *how);
		return t;
	});
}

void tensor_adam_numbers_(::Tensor *t, long step, const struct adam_pixels *how)
{
	attempt("adam_numbers_", {t}, [&] { put_adam(t->value, step, *how); });
}

::Tensor *tensor_step_view(const ::Tensor *x, const ::Tensor *views, int h, int w, enum scalar type)
{
	return make("step_view", {x, views}, [&] {
		check_pixels(x->value);
		TORCH_CHECK(type == T_F32 || type == T_BF16, "f32 or bf16 was expected");
		return StepView::apply(x->value, views->value, h, w, scalar_type(type));
	});
}

void tensor_adam_pixels_(
    ::Tensor *x, const ::Tensor *grad, ::Tensor *m, ::Tensor *v, const ::Tensor *numbers)
{
	attempt("adam_pixels_", {x, grad, m, v, numbers}, [&] {
		const c10::AutoGradMode off(false);
		for (const at::Tensor &t : {x->value, m->value, v->value}) {
			check_pixels(t);
			TORCH_CHECK(t.is_contiguous(last) && t.sizes() == grad->value.sizes(),
			    "channels-last pixels of one shape were expected");
		}
		TORCH_CHECK(numbers->value.numel() == (int64_t)sizeof(adam),
		    "Adam's numbers were expected");
		const at::Tensor g = grad->value.to(at::kFloat).contiguous(last);
		move_pixels(x->value, g, m->value, v->value, numbers_at<adam>(numbers->value));
	});
}
