/* Layers and losses: torch.nn.functional's operations. */
#include "lib/torch/conv.h"
#include "lib/torch/functional.h"
#include "lib/torch/handle.h"
#include <ATen/core/Reduction.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/upsample_bilinear2d.h>

/* Converts a parameter to the type of x. The conversion is differentiable. */
static at::Tensor as(const at::Tensor &x, const Tensor *parameter)
{
	return parameter->value.to(x.scalar_type());
}

static std::optional<at::Tensor> as_maybe(const at::Tensor &x, const Tensor *parameter)
{
	return parameter ? std::optional<at::Tensor>(as(x, parameter)) : std::nullopt;
}

Tensor *tensor_conv2d(
    const Tensor *x, const Tensor *w, const Tensor *bias, int stride, int padding, int groups)
{
	return make("conv2d", {x, w}, [&] {
		if (!bias && has_slow_gradient(x->value, w->value, stride, padding, groups))
			return conv2d(x->value, w->value, stride, padding, groups);
		return at::conv2d(x->value, as(x->value, w), as_maybe(x->value, bias), stride,
		    padding, 1, groups);
	});
}

Tensor *tensor_linear(const Tensor *x, const Tensor *w, const Tensor *bias)
{
	return make("linear", {x, w},
	    [&] { return at::linear(x->value, as(x->value, w), as_maybe(x->value, bias)); });
}

Tensor *tensor_max_pool2d(const Tensor *x, int kernel, int stride, int padding)
{
	return make(
	    "max_pool2d", {x}, [&] { return at::max_pool2d(x->value, kernel, stride, padding); });
}

Tensor *tensor_avg_pool2d(const Tensor *x, int kernel, int stride, int padding)
{
	return make(
	    "avg_pool2d", {x}, [&] { return at::avg_pool2d(x->value, kernel, stride, padding); });
}

Tensor *tensor_batch_norm(const Tensor *x, const Tensor *weight, const Tensor *bias,
    Tensor *running_mean, Tensor *running_var, bool training, double momentum, double eps)
{
	return make("batch_norm", {x}, [&] {
		return at::batch_norm(x->value, maybe(weight), maybe(bias), maybe(running_mean),
		    maybe(running_var), training, momentum, eps, device_is_cuda());
	});
}

Tensor *tensor_group_norm(
    const Tensor *x, int groups, const Tensor *weight, const Tensor *bias, double eps)
{
	return make("group_norm", {x, weight, bias}, [&] {
		return at::group_norm(
		    x->value, groups, as(x->value, weight), as(x->value, bias), eps, false);
	});
}

Tensor *tensor_interpolate(const Tensor *x, int64_t h, int64_t w, bool antialias)
{
	return make("interpolate", {x}, [&] {
		if (!antialias)
			return at::upsample_bilinear2d(x->value, {h, w}, false);
		/* The CPU's antialiasing kernel does not support 16-bit floats. */
		const at::ScalarType type = x->value.scalar_type();
		const bool narrow = type == at::kHalf || type == at::kBFloat16;
		return at::_upsample_bilinear2d_aa(
		    narrow ? x->value.to(at::kFloat) : x->value, {h, w}, false)
		    .to(type);
	});
}

Tensor *tensor_pad(const Tensor *x, int n)
{
	return make("pad", {x}, [&] { return at::constant_pad_nd(x->value, {n, n, n, n}, 0); });
}

Tensor *tensor_cross_entropy(const Tensor *logits, const Tensor *labels, double label_smoothing)
{
	return make("cross_entropy", {logits, labels}, [&] {
		return at::cross_entropy_loss(
		    logits->value, labels->value, {}, at::Reduction::Mean, -100, label_smoothing);
	});
}
