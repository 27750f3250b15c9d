#include "lib/torch/handle.h"
#include "lib/torch/sampler.h"
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randperm.h>
#include <cstring>

struct sampler {
	at::Generator generator;
};

struct sampler *sampler_new(uint64_t seed)
{
	struct sampler *s = nullptr;
	attempt("sampler", {}, [&] { s = new sampler{at::detail::createCPUGenerator(seed)}; });
	return s;
}

int sampler_next(struct sampler *s, int64_t *order, int64_t n)
{
	return attempt("randperm", {}, [&] {
		const at::TensorOptions options(at::kLong);
		const at::Tensor first = at::randperm(n, s->generator, options);
		memcpy(order, first.const_data_ptr(), first.nbytes());
		at::randperm(n, s->generator, options);
	});
}

void sampler_free(struct sampler *s)
{
	delete s;
}
