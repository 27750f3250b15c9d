/* A GPU for tests where none is, in the place of lib/torch/cuda.cc. Tensors stay in the CPU's memory, libtorch computes there, and
 * lib/cuda's kernels run as C++.
 *
 * A recorded step is the list of what was called between begin and end; a launch calls it again with the same arguments and the
 * same memory, and spoils what it made, since graphs share theirs. So it is found out when a step's numbers of the host change,
 * when it reads a tensor, or when what it made is used behind it. */
#include "lib/torch/cuda.h"
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace
{

using torch::jit::Stack;

/* Behind autograd, and nobody's here. */
constexpr c10::DispatchKey key = c10::DispatchKey::Fake;

struct graph {
	std::vector<std::function<const char *()>> calls;
	std::vector<c10::Storage> own; /* what it allocated */
	bool is_taken = true;          /* recording took the step, which on a GPU is left to the first launch */
};

graph *recording;
std::string said;

const char *take(const std::function<const char *()> &call)
{
	if (recording)
		recording->calls.push_back(call);
	return call();
}

/* --- libtorch's operators ------------------------------------------------------------------------------------------------- */

/* What an operator made anew goes where it was made first. */
void settle(const c10::IValue &first, const c10::IValue &again)
{
	if (first.isTensorList()) {
		const auto to = first.toTensorVector(), from = again.toTensorVector();
		for (size_t i = 0; i < to.size(); i++)
			settle(to[i], from[i]);
	} else if (first.isTensor() && first.toTensor().defined() &&
	           first.toTensor().const_data_ptr() != again.toTensor().const_data_ptr()) {
		first.toTensor().copy_(again.toTensor());
	}
}

/* f is given every tensor among the values. */
template <class F> void each_tensor(const Stack &values, F f)
{
	for (const c10::IValue &v : values)
		if (v.isTensorList())
			for (const at::Tensor &t : v.toTensorVector())
				f(t);
		else if (v.isTensor() && v.toTensor().defined())
			f(v.toTensor());
}

void note_allocations(const Stack &given, const Stack &made)
{
	each_tensor(made, [&](const at::Tensor &t) {
		bool is_new = true;
		each_tensor(given, [&](const at::Tensor &g) { is_new = is_new && !g.is_alias_of(t); });
		if (is_new)
			recording->own.push_back(t.storage());
	});
}

bool starts_with(const std::string &s, const char *with)
{
	return s.rfind(with, 0) == 0;
}

void record_operator(const c10::OperatorHandle &op, c10::DispatchKeySet keys, Stack *stack)
{
	const c10::impl::ExcludeDispatchKeyGuard outermost_only(key);
	const c10::DispatchKeySet below = keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, key);
	const std::string &name = op.schema().name();
	const Stack given(stack->end() - (long)op.schema().arguments().size(), stack->end());
	TORCH_CHECK(name != "aten::_local_scalar_dense", "a tensor is read while a step is recorded");
	op.redispatchBoxed(below, stack);
	const Stack made(stack->end() - (long)op.schema().returns().size(), stack->end());
	note_allocations(given, made);
	if (starts_with(name, "aten::empty") || starts_with(name, "aten::new_empty"))
		return recording->calls.push_back([made] { return nullptr; });
	recording->calls.push_back([op, below, given, made] {
		Stack again = given;
		op.redispatchBoxed(below, &again);
		for (size_t i = 0; i < made.size(); i++)
			settle(made[i], again[i]);
		return nullptr;
	});
}

/* --- fd2's kernels -------------------------------------------------------------------------------------------------------- */

const cuda_engine &kernels = *fd2_cuda_engine();

const char *forward(const frozen_bn *k, int64_t rows, float *room, float *mean, float *var, void *on)
{
	return take([=, k = *k] { return kernels.frozen_forward(&k, rows, room, mean, var, on); });
}

const char *backward(
    const frozen_bn *k, int64_t rows, const float *mean, const float *dmean, const float *dvar, float *lines, void *on)
{
	return take([=, k = *k] { return kernels.frozen_backward(&k, rows, mean, dmean, dvar, lines, on); });
}

const char *view_forward(
    const float *x, void *y, bool bf16, const pixel_view *views, int64_t n, int64_t N, int64_t H, int64_t W, void *on)
{
	return take([=] { return kernels.view_forward(x, y, bf16, views, n, N, H, W, on); });
}

const char *view_adjoint(
    const void *dy, float *dx, bool bf16, const pixel_view *views, int64_t n, int64_t N, int64_t H, int64_t W, void *on)
{
	return take([=] { return kernels.view_adjoint(dy, dx, bf16, views, n, N, H, W, on); });
}

const char *move(const adam *k, float *x, const float *g, float *m, float *v, int64_t count, void *on)
{
	return take([=] { return kernels.adam(k, x, g, m, v, count, on); });
}

const char *draw(const shot *shots, int n, const look *l, float *room, float *out, void *on)
{
	return take([=, l = *l] { return kernels.render(shots, n, &l, room, out, on); });
}

const char *put_bytes(void *to, const void *from, size_t bytes, void *on)
{
	const std::string copy((const char *)from, bytes);
	return take([=] { return kernels.put(to, copy.data(), bytes, on); });
}

/* --- graphs --------------------------------------------------------------------------------------------------------------- */

void *begin(const char **wrong)
{
	*wrong = nullptr;
	recording = new graph;
	c10::impl::tls_set_dispatch_key_included(key, true);
	return recording;
}

const char *end(void *)
{
	c10::impl::tls_set_dispatch_key_included(key, false);
	recording = nullptr;
	return nullptr;
}

const char *take_again(const graph &g)
{
	try {
		for (const auto &call : g.calls)
			if (const char *wrong = call())
				return wrong;
		return nullptr;
	} catch (const std::exception &e) {
		said = e.what();
		return said.c_str();
	}
}

const char *launch(void *given)
{
	graph &g = *(graph *)given;
	const char *wrong = g.is_taken ? nullptr : take_again(g);
	g.is_taken = false;
	for (const c10::Storage &s : g.own)
		memset(s.mutable_data(), 0xff, s.nbytes());
	return wrong;
}

void drop(void *g)
{
	delete (graph *)g;
}

} // namespace

TORCH_LIBRARY_IMPL(_, Fake, m)
{
	m.fallback(torch::CppFunction::makeFromBoxedFunction<&record_operator>());
}

c10::DeviceType cuda_open()
{
	return c10::kCPU;
}

const struct cuda_engine &cuda_kernels()
{
	static const cuda_engine table = {
	    sizeof table, forward, kernels.frozen_room, backward, view_forward, view_adjoint, move, draw, put_bytes};
	return table;
}

const struct cuda_graphs *cuda_graphs()
{
	static const struct cuda_graphs table = {sizeof table, begin, end, launch, drop};
	return &table;
}

void *cuda_stream()
{
	return nullptr;
}

void cuda_check(const char *wrong)
{
	TORCH_CHECK(!wrong, wrong);
}
