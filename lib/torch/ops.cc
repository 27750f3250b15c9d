/* Arithmetic and reductions. */
#include "lib/torch/handle.h"
#include <ATen/ops/abs.h>
#include <ATen/ops/add.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/div.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/hardtanh.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/scatter.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/topk.h>
#include <c10/util/Exception.h>
#include <limits>

/* Returns the dimensions to reduce; all of them for n = 0. */
static std::vector<int64_t> reduced(const Tensor *t, int n, const int *dims)
{
	TORCH_CHECK(n >= 0 && (dims || !n), "bad number of dimensions ", n);
	std::vector<int64_t> list(dims, dims + n);
	for (int64_t i = 0; !n && i < t->value.dim(); i++)
		list.push_back(i);
	return list;
}

Tensor *tensor_add(const Tensor *a, const Tensor *b)
{
	return make("add", {a, b}, [&] { return at::add(a->value, b->value); });
}

Tensor *tensor_sub(const Tensor *a, const Tensor *b)
{
	return make("sub", {a, b}, [&] { return at::sub(a->value, b->value); });
}

Tensor *tensor_mul(const Tensor *a, const Tensor *b)
{
	return make("mul", {a, b}, [&] { return at::mul(a->value, b->value); });
}

Tensor *tensor_div(const Tensor *a, const Tensor *b)
{
	return make("div", {a, b}, [&] { return at::div(a->value, b->value); });
}

Tensor *tensor_affine(const Tensor *t, double a, double b)
{
	return make("affine", {t}, [&] {
		if (a == 1)
			return at::add(t->value, b);
		at::Tensor scaled = at::mul(t->value, a);
		return b == 0 ? scaled : scaled.add_(b);
	});
}

Tensor *tensor_matmul(const Tensor *a, const Tensor *b)
{
	return make("matmul", {a, b}, [&] { return at::matmul(a->value, b->value); });
}

Tensor *tensor_relu(const Tensor *t)
{
	return make("relu", {t}, [&] { return at::relu(t->value); });
}

Tensor *tensor_relu6(const Tensor *t)
{
	return make("relu6", {t}, [&] { return at::hardtanh(t->value, 0, 6); });
}

Tensor *tensor_sqrt(const Tensor *t)
{
	return make("sqrt", {t}, [&] { return at::sqrt(t->value); });
}

Tensor *tensor_abs(const Tensor *t)
{
	return make("abs", {t}, [&] { return at::abs(t->value); });
}

Tensor *tensor_sign(const Tensor *t)
{
	return make("sign", {t}, [&] { return at::sign(t->value); });
}

Tensor *tensor_clamp_min(const Tensor *t, double lo)
{
	return make("clamp_min", {t}, [&] { return at::clamp_min(t->value, lo); });
}

Tensor *tensor_sum(const Tensor *t, int n, const int *dims, bool keepdim)
{
	return make("sum", {t}, [&] { return at::sum(t->value, reduced(t, n, dims), keepdim); });
}

Tensor *tensor_mean(const Tensor *t, int n, const int *dims, bool keepdim)
{
	return make("mean", {t}, [&] { return at::mean(t->value, reduced(t, n, dims), keepdim); });
}

Tensor *tensor_smallest_others(const Tensor *t, const Tensor *labels, int64_t n)
{
	return make("smallest_others", {t, labels}, [&] {
		const at::Tensor others = at::scatter(t->value, 1, labels->value.unsqueeze(1),
		    std::numeric_limits<double>::infinity());
		return std::get<0>(at::topk(others, n, 1, /*largest=*/false, /*sorted=*/false));
	});
}

Tensor *tensor_norm(const Tensor *t, int dim, bool keepdim)
{
	return make("norm", {t},
	    [&] { return at::linalg_vector_norm(t->value, 2, at::IntArrayRef{dim}, keepdim); });
}

Tensor *tensor_softmax(const Tensor *t, int dim)
{
	return make("softmax", {t}, [&] { return at::softmax(t->value, dim); });
}

Tensor *tensor_log_softmax(const Tensor *t, int dim)
{
	return make("log_softmax", {t}, [&] { return at::log_softmax(t->value, dim); });
}

void tensor_copy_(Tensor *t, const Tensor *source)
{
	attempt("copy_", {t, source}, [&] { t->value.copy_(source->value); });
}

void tensor_add_(Tensor *t, const Tensor *source, double scale)
{
	attempt("add_", {t, source}, [&] {
		bool whole = at::isIntegralType(t->value.scalar_type(), false);
		t->value.add_(
		    source->value, whole ? at::Scalar((int64_t)scale) : at::Scalar(scale));
	});
}

void tensor_convert_(Tensor *t, enum scalar type)
{
	attempt("convert_", {t}, [&] { t->value = t->value.detach().to(scalar_type(type)); });
}

void tensor_mul_(Tensor *t, double factor)
{
	attempt("mul_", {t}, [&] { t->value.mul_(factor); });
}

void tensor_clamp_(Tensor *t, const Tensor *lo, const Tensor *hi)
{
	attempt("clamp_", {t, lo, hi}, [&] { at::clamp_(t->value, lo->value, hi->value); });
}
