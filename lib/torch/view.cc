/* Converts types and layouts, and makes views. */
#include "lib/torch/handle.h"
#include <ATen/ops/cat.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/permute.h>
#include <ATen/ops/reshape.h>
#include <c10/util/Exception.h>

std::vector<at::Tensor> values(Tensor *const *t, int n)
{
	std::vector<at::Tensor> list;
	for (int i = 0; i < n; i++) {
		TORCH_CHECK(t && t[i], "tensor ", i, " of the list is missing");
		list.push_back(t[i]->value);
	}
	return list;
}

Tensor *tensor_to(const Tensor *t, enum scalar type)
{
	return make("to", {t}, [&] { return t->value.to(scalar_type(type)); });
}

Tensor *tensor_channels_last(const Tensor *t)
{
	return make("channels_last", {t},
	    [&] { return t->value.contiguous(at::MemoryFormat::ChannelsLast); });
}

Tensor *tensor_contiguous(const Tensor *t)
{
	return make("contiguous", {t}, [&] { return t->value.contiguous(); });
}

Tensor *tensor_detach(const Tensor *t)
{
	return make("detach", {t}, [&] { return t->value.detach(); });
}

Tensor *tensor_reshape(const Tensor *t, int rank, const int64_t *shape)
{
	return make("reshape", {t}, [&] {
		TORCH_CHECK(
		    rank >= 0 && rank <= TENSOR_RANK_MAX && (shape || !rank), "bad rank ", rank);
		return at::reshape(t->value, at::IntArrayRef(shape, (size_t)rank));
	});
}

Tensor *tensor_permute(const Tensor *t, int rank, const int *dims)
{
	return make("permute", {t}, [&] {
		TORCH_CHECK(rank >= 0 && (dims || !rank), "bad rank ", rank);
		return at::permute(t->value, std::vector<int64_t>(dims, dims + rank));
	});
}

Tensor *tensor_transpose(const Tensor *t, int a, int b)
{
	return make("transpose", {t}, [&] { return t->value.transpose(a, b); });
}

Tensor *tensor_narrow(const Tensor *t, int dim, int64_t start, int64_t length)
{
	return make("narrow", {t}, [&] { return t->value.narrow(dim, start, length); });
}

Tensor *tensor_cat(Tensor *const *t, int n, int dim)
{
	for (int i = 0; i < n; i++)
		if (!t || !t[i])
			return nullptr;
	return make("cat", {}, [&] { return at::cat(values(t, n), dim); });
}

Tensor *tensor_index_select(const Tensor *t, int dim, const Tensor *index)
{
	return make("index_select", {t, index},
	    [&] { return at::index_select(t->value, dim, index->value); });
}

Tensor *tensor_gather(const Tensor *t, int dim, const Tensor *index)
{
	return make("gather", {t, index}, [&] { return at::gather(t->value, dim, index->value); });
}

Tensor *tensor_flip(const Tensor *t, int dim)
{
	return make("flip", {t}, [&] { return at::flip(t->value, {dim}); });
}
