/* Making tensors and reading them. */
#include "lib/torch/handle.h"
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <c10/util/Exception.h>
#include <cmath>
#include <cstring>
#include <limits>

static at::IntArrayRef shape_of(int rank, const int64_t *shape)
{
	TORCH_CHECK(rank >= 0 && rank <= TENSOR_RANK_MAX && (shape || !rank), "bad rank ", rank);
	return at::IntArrayRef(shape, (size_t)rank);
}

Tensor *tensor_from(const void *data, enum scalar type, int rank, const int64_t *shape)
{
	if (!data)
		return nullptr;
	return make("from", {}, [&] {
		at::Tensor t = at::empty(shape_of(rank, shape), at::TensorOptions(scalar_type(type)));
		memcpy(t.data_ptr(), data, t.nbytes());
		return t.to(on_device(type));
	});
}

Tensor *tensor_full(double value, enum scalar type, int rank, const int64_t *shape)
{
	return make("full", {}, [&] { return at::full(shape_of(rank, shape), value, on_device(type)); });
}

Tensor *tensor_full_like(const Tensor *t, double value)
{
	return make("full_like", {t}, [&] { return at::full_like(t->value, value); });
}

Tensor *tensor_clone(const Tensor *t)
{
	return make("clone", {t}, [&] { return t->value.clone(); });
}

int tensor_read(const Tensor *t, enum scalar type, void *data, int64_t count)
{
	return attempt("read", {t}, [&] {
		TORCH_CHECK(data && count == t->value.numel(), count, " elements were asked for");
		const at::Tensor flat = t->value.detach().to(at::kCPU, scalar_type(type)).contiguous();
		memcpy(data, flat.const_data_ptr(), flat.nbytes());
	});
}

double tensor_item(const Tensor *t)
{
	double value = std::numeric_limits<double>::quiet_NaN();
	attempt("item", {t}, [&] { value = t->value.item().toDouble(); });
	return value;
}

int tensor_rank(const Tensor *t)
{
	return t ? (int)t->value.dim() : 0;
}

int64_t tensor_size(const Tensor *t, int dim)
{
	const int rank = tensor_rank(t);
	return dim < -rank || dim >= rank ? 0 : t->value.size(dim);
}

int64_t tensor_numel(const Tensor *t)
{
	return t ? t->value.numel() : 0;
}

enum scalar tensor_type(const Tensor *t)
{
	if (t)
		for (enum scalar type : {T_F64, T_F16, T_BF16, T_I64, T_I32, T_U8, T_BOOL})
			if (t->value.scalar_type() == scalar_type(type))
				return type;
	return T_F32;
}
