/* A GPU for tests where none is, in the place of lib/torch/cuda.cc. Tensors stay in the CPU's
 * memory, libtorch computes there, and lib/cuda's kernels run as C++.
 *
 * A recorded step is the list of what was called between begin and end; a launch calls it again
 * with the same arguments and the same memory, and spoils what it made, since graphs share theirs.
 * So it is found out when a step's numbers of the host change, when it reads a tensor, or when what
 * it made is used behind it.
 *
 * With FD2_EMULATED_COUNTS=FILE a run adds a JSON line to that file at its end: how often it
 * waited for a device that had nothing else to do, the bytes that graphs reserved, and the
 * operations of each recorded step. */
#include "lib/torch/cuda.h"
#include "test/cuda/emulated/ATen/cuda/CUDAGraph.h"
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "test/cuda/emulated/cuda_runtime.h"

namespace
{

using torch::jit::Stack;

/* Behind autograd, and nobody's here. */
constexpr c10::DispatchKey key = c10::DispatchKey::Fake;

at::cuda::CUDAGraph *recording;

struct counts {
	long given = 0; /* kernels and graphs so far */
	long waits = 0;
	std::string operations; /* of the recorded steps, with commas between them */
} counted;

void write_counts()
{
	const char *path = getenv("FD2_EMULATED_COUNTS");
	FILE *f = path ? fopen(path, "a") : nullptr;
	if (!f)
		return;
	fprintf(f, "{\"waits\": %ld, \"reserved\": %zu, \"operations\": [%s]}\n", counted.waits,
	    emulated::of_device.reserved(), counted.operations.c_str());
	fclose(f);
}

const int at_end = at_quick_exit(write_counts); /* as stage_end ends a tool */

const char *take(const std::function<const char *()> &call)
{
	const long before = emulated::launches;
	const char *wrong = call();
	if (recording) {
		recording->calls.push_back(call);
		recording->operations += emulated::launches - before;
	}
	counted.given++;
	return wrong;
}

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

/* Whether all that it made shares memory with what it was given. */
bool is_view(const c10::OperatorHandle &op, const Stack &given, const Stack &made)
{
	bool shares = !op.schema().is_mutable();
	each_tensor(made, [&](const at::Tensor &t) {
		bool found = false;
		each_tensor(given, [&](const at::Tensor &g) { found = found || g.is_alias_of(t); });
		shares = shares && found;
	});
	return shares;
}

void note_allocations(const Stack &given, const Stack &made)
{
	each_tensor(made, [&](const at::Tensor &t) {
		bool is_new = true;
		each_tensor(
		    given, [&](const at::Tensor &g) { is_new = is_new && !g.is_alias_of(t); });
		if (is_new)
			recording->own.push_back(t.storage());
	});
}

bool starts_with(const std::string &s, const char *with)
{
	return s.rfind(with, 0) == 0;
}

void refuse_to_read()
{
	recording->is_invalid = true;
	TORCH_CHECK(false, "a tensor is read while a step is recorded");
}

void record_operator(const c10::OperatorHandle &op, c10::DispatchKeySet keys, Stack *stack)
{
	const c10::impl::ExcludeDispatchKeyGuard outermost_only(key);
	const c10::DispatchKeySet below =
	    keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, key);
	const std::string &name = op.schema().name();
	const Stack given(stack->end() - (long)op.schema().arguments().size(), stack->end());
	if (name == "aten::_local_scalar_dense")
		refuse_to_read();
	op.redispatchBoxed(below, stack);
	const Stack made(stack->end() - (long)op.schema().returns().size(), stack->end());
	note_allocations(given, made);
	if (starts_with(name, "aten::empty") || starts_with(name, "aten::new_empty"))
		return recording->calls.push_back([made] { return nullptr; });
	recording->operations += !is_view(op, given, made);
	recording->calls.push_back([op, below, given, made] {
		Stack again = given;
		op.redispatchBoxed(below, &again);
		for (size_t i = 0; i < made.size(); i++)
			settle(made[i], again[i]);
		return nullptr;
	});
}

const cuda_engine &kernels = *fd2_cuda_engine();

const char *forward(const bn_pass *k, int64_t rows, int64_t groups, float *workspace, float *mean,
    float *var, void *on)
{
	return take([=, k = *k] {
		return kernels.frozen_forward(&k, rows, groups, workspace, mean, var, on);
	});
}

const char *backward(const bn_pass *k, int64_t rows, int64_t groups, const float *mean,
    const float *dmean, const float *dvar, void *on)
{
	return take([=, k = *k] {
		return kernels.frozen_backward(&k, rows, groups, mean, dmean, dvar, on);
	});
}

const char *distances(const bn_layer *layers, int n, int64_t groups, bool normalised,
    float *factors, float *terms, float *sum, void *on)
{
	const std::vector<bn_layer> copy(layers, layers + n);
	return take([=] {
		return kernels.distances(
		    copy.data(), n, groups, normalised, factors, terms, sum, on);
	});
}

const char *distances_gradient(const bn_layer *layers, int n, int64_t groups, const float *factors,
    const float *dsum, void *on)
{
	const std::vector<bn_layer> copy(layers, layers + n);
	return take(
	    [=] { return kernels.distances_gradient(copy.data(), n, groups, factors, dsum, on); });
}

const char *view_forward(const float *x, void *y, bool bf16, const pixel_view *views, int64_t n,
    int64_t N, const view_sides *sides, void *on)
{
	const view_sides s = *sides;
	return take([=] { return kernels.view_forward(x, y, bf16, views, n, N, &s, on); });
}

const char *view_adjoint(const void *dy, float *dx, bool bf16, const pixel_view *views, int64_t n,
    int64_t N, const view_sides *sides, void *on)
{
	const view_sides s = *sides;
	return take([=] { return kernels.view_adjoint(dy, dx, bf16, views, n, N, &s, on); });
}

const char *move(
    const adam *k, float *x, const float *g, float *m, float *v, int64_t count, void *on)
{
	return take([=] { return kernels.adam(k, x, g, m, v, count, on); });
}

const char *draw(
    const void *staging, int n, const rendering *how, float *workspace, float *out, void *on)
{
	return take(
	    [=, how = *how] { return kernels.render(staging, n, &how, workspace, out, on); });
}

const char *put_bytes(void *to, const void *from, size_t bytes, void *on)
{
	const std::string copy((const char *)from, bytes);
	return take([=] { return kernels.put(to, copy.data(), bytes, on); });
}

} // namespace

void at::cuda::CUDAGraph::capture_begin(MempoolId_t id)
{
	pool = id;
	emulated::of_device.begin(pool);
	emulated::of_host.begin(pool);
	recording = this;
	c10::impl::tls_set_dispatch_key_included(key, true);
}

void at::cuda::CUDAGraph::capture_end()
{
	c10::impl::tls_set_dispatch_key_included(key, false);
	counted.operations += (counted.operations.empty() ? "" : ", ") + std::to_string(operations);
	recording = nullptr;
	TORCH_CHECK(!is_invalid, "operation failed due to a previous error during capture");
	emulated::of_device.end(pool);
	emulated::of_host.end(pool);
	size_t bytes = 0;
	for (const c10::Storage &s : own)
		bytes += s.nbytes();
	emulated::of_device.hold(pool, bytes);
	has_ended = true;
}

void at::cuda::CUDAGraph::replay()
{
	counted.given++;
	if (!is_taken)
		for (const auto &call : calls)
			cuda_check(call());
	is_taken = false;
	for (const c10::Storage &s : own)
		memset(s.mutable_data(), 0xff, s.nbytes());
}

at::cuda::CUDAGraph::~CUDAGraph()
{
	if (!has_ended)
		return;
	emulated::of_device.release(pool);
	emulated::of_host.release(pool);
}

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
	static const cuda_engine table = {sizeof table, forward, kernels.frozen_workspace, backward,
	    distances, distances_gradient, view_forward, view_adjoint, move, draw, put_bytes};
	return table;
}

const struct cuda_graphs *cuda_graphs()
{
	return fd2_cuda_graphs();
}

void *cuda_stream()
{
	return nullptr;
}

std::shared_ptr<void> cuda_mark()
{
	return std::make_shared<long>(counted.given);
}

void cuda_wait(void *mark)
{
	if (recording)
		refuse_to_read();
	counted.waits += *(long *)mark == counted.given;
}

void cuda_check(const char *wrong)
{
	TORCH_CHECK(!wrong, wrong);
}
