/* Shared by the C++ files of lib/torch: the handle, its registration in a scope, and the guards
 * that catch every exception. */
#ifndef FD2_HANDLE_H
#define FD2_HANDLE_H
#include "lib/torch/tensor.h"
#include <ATen/core/Tensor.h>
#include <exception>
#include <initializer_list>
#include <vector>

/* `scope` and `place` locate the handle in its scope's list, so that keep and free need no
 * search. */
struct tensor {
	at::Tensor value;
	size_t scope, place;
};

using Inputs = std::initializer_list<const Tensor *>;

/* Returns a new handle, registered in the current scope; NULL for an undefined tensor. */
Tensor *adopt(at::Tensor value);
/* Records "op [shapes]: first line of message" unless an earlier error is recorded. Allocates
 * nothing. */
void record(const char *op, Inputs in, const char *message) noexcept;
/* Call inside catch (...): records the current exception. */
void record_current(const char *op, Inputs in) noexcept;

at::ScalarType scalar_type(enum scalar type);
/* Options of a new tensor of this type on the device of torch_start. */
at::TensorOptions on_device(enum scalar type);
bool device_is_cuda();
std::vector<at::Tensor> values(Tensor *const *t, int n);

/* Returns a handle of f()'s tensor; NULL if an input is NULL (leave optional ones out of `in`) or f
 * throws. */
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

/* Like make, for functions that return no tensor. 0, or -1. */
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
