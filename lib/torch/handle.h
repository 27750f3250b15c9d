/* What the C++ files here share: the handle, its registration in a scope, and the guard that
 * lets no exception out. */
#ifndef FD2_HANDLE_H
#define FD2_HANDLE_H
#include "lib/torch/tensor.h"
#include <ATen/core/Tensor.h>
#include <exception>
#include <initializer_list>
#include <vector>

/* `scope` and `place` say where the scope's list holds the handle, so that keep and free need no
 * search. */
struct tensor {
	at::Tensor value;
	size_t scope, place;
};

using Inputs = std::initializer_list<const Tensor *>;

/* Registers a new handle in the current scope; an undefined tensor gives NULL. */
Tensor *adopt(at::Tensor value);
/* Keeps the first error: "op [shapes]: first line of message". Allocates nothing. */
void record(const char *op, Inputs in, const char *message) noexcept;
/* Inside a catch (...): records the exception in flight. */
void record_current(const char *op, Inputs in) noexcept;

at::ScalarType scalar_type(enum scalar type);
/* Options of a new tensor of this type on the device of torch_start. */
at::TensorOptions on_device(enum scalar type);
bool device_is_cuda();
std::vector<at::Tensor> values(Tensor *const *t, int n);

/* NULL for a NULL input (bias and the like are not among `in`) and after an exception. */
template <class F> Tensor *make(const char *op, Inputs in, F f) noexcept
{
	for (const Tensor *t : in)
		if (!t)
			return nullptr;
	try {
		return adopt(f());
	} catch (...) {
		record_current(op, in);
		return nullptr;
	}
}

/* The same for functions that make no tensor: 0, or -1. */
template <class F> int attempt(const char *op, Inputs in, F f) noexcept
{
	for (const Tensor *t : in)
		if (!t)
			return -1;
	try {
		f();
		return 0;
	} catch (...) {
		record_current(op, in);
		return -1;
	}
}

inline std::optional<at::Tensor> maybe(const Tensor *t)
{
	return t ? std::optional<at::Tensor>(t->value) : std::nullopt;
}
#endif
