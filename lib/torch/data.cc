/* Makes and reads tensors. Copies to and from a GPU go through pinned memory and do not block the
 * host; libtorch does not reuse that memory before the copy is done. */
#include "lib/torch/cuda.h"
#include "lib/torch/handle.h"
#include "lib/torch/replay.h"
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <c10/util/Exception.h>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

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
		const bool pins = on_device(type).device().is_cuda();
		at::Tensor t = at::empty(shape_of(rank, shape),
		    at::TensorOptions(scalar_type(type)).pinned_memory(pins));
		memcpy(t.data_ptr(), data, t.nbytes());
		return t.to(on_device(type), /* non_blocking */ true);
	});
}

Tensor *tensor_full(double value, enum scalar type, int rank, const int64_t *shape)
{
	return make(
	    "full", {}, [&] { return at::full(shape_of(rank, shape), value, on_device(type)); });
}

Tensor *tensor_full_like(const Tensor *t, double value)
{
	return make("full_like", {t}, [&] { return at::full_like(t->value, value); });
}

Tensor *tensor_clone(const Tensor *t)
{
	return make("clone", {t}, [&] { return t->value.clone(); });
}

struct reading {
	at::Tensor host; /* complete once the device passes `mark`; at once on the CPU */
	std::shared_ptr<void> mark;
};

/* copies: always copy, because t may change before the reading ends. */
static Reading *begin_to_read(
    const char *op, const Tensor *t, enum scalar type, int64_t count, bool copies)
{
	Reading *begun = nullptr;
	attempt(op, {t}, [&] {
		TORCH_CHECK(count == t->value.numel(), count, " elements were asked for");
		const at::TensorOptions options =
		    at::TensorOptions(at::kCPU).dtype(scalar_type(type));
		auto r = std::make_unique<reading>();
		r->host =
		    t->value.detach()
		        .to(options, /* non_blocking */ true, copies, at::MemoryFormat::Contiguous)
		        .contiguous();
		if (device_is_cuda())
			r->mark = cuda_mark();
		begun = r.release();
	});
	return begun;
}

Reading *tensor_read_begin(const Tensor *t, enum scalar type, int64_t count)
{
	return begin_to_read("read", t, type, count, true);
}

int tensor_read_end(Reading *begun, void *data)
{
	const std::unique_ptr<reading> r(begun);
	if (!r)
		return -1;
	return attempt("read", {}, [&] {
		if (r->mark)
			cuda_wait(r->mark.get());
		memcpy(data, r->host.const_data_ptr(), r->host.nbytes());
	});
}

void tensor_read_drop(Reading *r)
{
	delete r;
}

int tensor_read(const Tensor *t, enum scalar type, void *data, int64_t count)
{
	return tensor_read_end(begin_to_read("read", t, type, count, false), data);
}

double tensor_item(const Tensor *t)
{
	double value;
	const int status = tensor_read_end(begin_to_read("item", t, T_F64, 1, false), &value);
	return status ? std::numeric_limits<double>::quiet_NaN() : value;
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
