/* Scopes, which own handles, and the first error, which has a fixed buffer so that recording it
 * cannot fail. */
#include "lib/torch/handle.h"
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <sys/resource.h>
#include <cstdio>
#include <cstring>
#include <memory>

namespace
{

struct scope {
	std::vector<Tensor *> handles;
	bool grad_outside;
};

char error_text[1024];
long live;

/* Never destroyed: a tensor must not be freed by a static destructor, when CUDA may be gone. */
std::vector<scope> &scopes()
{
	static std::vector<scope> *stack;
	if (!stack) {
		stack = new std::vector<scope>(1);
		c10::GradMode::set_enabled(false);
	}
	return *stack;
}

void place_in(size_t depth, Tensor *t)
{
	std::vector<Tensor *> &list = scopes()[depth].handles;
	list.push_back(t);
	t->scope = depth;
	t->place = list.size() - 1;
}

void take_out(Tensor *t)
{
	std::vector<Tensor *> &list = scopes()[t->scope].handles;
	list[t->place] = list.back();
	list[t->place]->place = t->place;
	list.pop_back();
}

size_t append_shape(char *out, size_t size, const at::Tensor &t)
{
	size_t n = (size_t)snprintf(out, size, " [");
	for (int64_t i = 0; i < t.dim() && n < size; i++)
		n += (size_t)snprintf(
		    out + n, size - n, "%s%lld", i ? "," : "", (long long)t.size(i));
	if (n < size)
		n += (size_t)snprintf(out + n, size - n, "]");
	return n;
}

/* oneDNN does not say why it could not create something; under a memory limit, assume the limit. */
bool is_out_of_memory(const char *message)
{
	struct rlimit space;
	if (strstr(message, "could not create a") && !getrlimit(RLIMIT_AS, &space) &&
	    space.rlim_cur != RLIM_INFINITY)
		return true;
	for (const char *said :
	    {"can't allocate memory", "not enough memory", "out of memory", "bad_alloc"})
		if (strstr(message, said))
			return true;
	return false;
}

/* Replaces libtorch's own messages about memory, which name its source files. */
void record_out_of_memory(const char *message)
{
	const char *asked = strstr(message, "tried to allocate ");
	long long bytes = 0;
	char size[64] = "";
	if (asked && sscanf(asked, "tried to allocate %lld bytes", &bytes) == 1)
		snprintf(
		    size, sizeof size, ": cannot allocate %.1f MiB", (double)bytes / (1 << 20));
	snprintf(error_text, sizeof error_text,
	    "out of memory%s%s; a smaller --batch or --size needs less",
	    strstr(message, "CUDA") ? " on the GPU" : "", size);
}

} // namespace

Tensor *adopt(at::Tensor value)
{
	if (!value.defined())
		return nullptr;
	auto t = std::make_unique<Tensor>(Tensor{std::move(value), 0, 0});
	place_in(scopes().size() - 1, t.get());
	live++;
	return t.release();
}

void record(const char *op, Inputs in, const char *message) noexcept
{
	if (error_text[0])
		return;
	if (is_out_of_memory(message))
		return record_out_of_memory(message);
	const size_t size = sizeof error_text, shapes_end = size / 2;
	size_t n = (size_t)snprintf(error_text, shapes_end, "%s", op);
	for (const Tensor *t : in)
		if (t && n < shapes_end)
			n += append_shape(error_text + n, shapes_end - n, t->value);
	if (n >= shapes_end)
		n = shapes_end - 1;
	snprintf(error_text + n, size - n, ": %s", message);
	for (char *c = error_text + n; *c; c++) {
		if (*c == '\n') {
			*c = 0;
			break;
		}
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	}
}

void record_current(const char *op, Inputs in) noexcept
{
	try {
		throw;
	} catch (const c10::Error &e) {
		record(op, in, e.what_without_backtrace());
	} catch (const std::exception &e) {
		record(op, in, e.what());
	} catch (...) {
		record(op, in, "unknown failure");
	}
}

void tensor_scope_begin(enum grad_mode mode)
{
	attempt("scope_begin", {}, [&] {
		scopes().push_back({{}, c10::GradMode::is_enabled()});
		c10::GradMode::set_enabled(mode == GRAD);
	});
}

void tensor_scope_end(void)
{
	attempt("scope_end", {}, [&] {
		TORCH_CHECK(scopes().size() > 1, "no scope was begun");
		scope ended = std::move(scopes().back());
		scopes().pop_back();
		for (Tensor *t : ended.handles)
			delete t;
		live -= (long)ended.handles.size();
		c10::GradMode::set_enabled(ended.grad_outside);
	});
}

Tensor *tensor_keep(Tensor *t)
{
	const size_t current = scopes().size() - 1;
	if (t && current && t->scope == current) {
		take_out(t);
		place_in(current - 1, t);
	}
	return t;
}

Tensor *tensor_keep_always(Tensor *t)
{
	if (t && t->scope) {
		take_out(t);
		place_in(0, t);
	}
	return t;
}

void tensor_free(Tensor *t)
{
	if (!t)
		return;
	take_out(t);
	delete t;
	live--;
}

long tensor_live(void)
{
	return live;
}

const char *tensor_error(void)
{
	return error_text[0] ? error_text : nullptr;
}

void tensor_error_clear(void)
{
	error_text[0] = 0;
}
