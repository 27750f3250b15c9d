/* The BatchNorm-statistics loss of all layers as one GPU operation forwards and one backwards. */
#include "lib/torch/cuda.h"
#include "lib/torch/fused.h"
#include "lib/torch/handle.h"
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

namespace
{

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check_layer(const Tensor &mean, const Tensor &var, const Tensor &running_mean,
    const Tensor &running_var, int64_t groups)
{
	for (const Tensor &t : {mean, var, running_mean, running_var})
		TORCH_CHECK(t.scalar_type() == at::kFloat && t.is_contiguous() &&
		                t.size(-1) == mean.size(-1),
		    "contiguous f32 vectors of one length were expected");
	TORCH_CHECK(mean.dim() == 2 && mean.size(0) == groups && var.sizes() == mean.sizes(),
	    "[G,C] was expected");
	TORCH_CHECK(running_mean.dim() == 1 && running_var.dim() == 1, "[C] was expected");
}

/* seen: mean and var [G,C] of each layer; running: running mean and var [C] of each layer. */
std::vector<bn_layer> table_of(at::TensorList seen, const variable_list &running)
{
	std::vector<bn_layer> table(seen.size() / 2);
	for (size_t l = 0; l < table.size(); l++) {
		table[l].mean = seen[2 * l].const_data_ptr<float>();
		table[l].var = seen[2 * l + 1].const_data_ptr<float>();
		table[l].running_mean = running[2 * l].const_data_ptr<float>();
		table[l].running_var = running[2 * l + 1].const_data_ptr<float>();
		table[l].C = seen[2 * l].size(1);
	}
	return table;
}

struct Distances : torch::autograd::Function<Distances> {
	static Tensor forward(AutogradContext *ctx, at::TensorList seen,
	    const variable_list &running, const std::vector<double> &weights, bool normalised)
	{
		const int64_t layers = (int64_t)weights.size(), groups = seen[0].size(0);
		std::vector<bn_layer> table = table_of(seen, running);
		for (int64_t l = 0; l < layers; l++) {
			check_layer(seen[2 * l], seen[2 * l + 1], running[2 * l],
			    running[2 * l + 1], groups);
			table[l].weight = (float)weights[l];
		}
		const at::TensorOptions options = seen[0].options();
		const Tensor factors = at::empty({layers, groups, 2}, options),
		             terms = at::empty({layers, groups}, options);
		const Tensor sum = at::empty({}, options);
		cuda_check(cuda_kernels().distances(table.data(), (int)layers, groups, normalised,
		    factors.data_ptr<float>(), terms.data_ptr<float>(), sum.data_ptr<float>(),
		    cuda_stream()));
		variable_list saved(seen.begin(), seen.end());
		saved.insert(saved.end(), running.begin(), running.end());
		saved.push_back(factors);
		ctx->save_for_backward(saved);
		return sum;
	}

	static variable_list backward(AutogradContext *ctx, variable_list d)
	{
		variable_list saved = ctx->get_saved_variables();
		const Tensor factors = saved.back(), dsum = d[0].contiguous();
		const auto middle = saved.begin() + 2 * factors.size(0);
		const variable_list seen(saved.begin(), middle), running(middle, saved.end() - 1);
		std::vector<bn_layer> table = table_of(seen, running);
		variable_list grads;
		for (bn_layer &l : table) {
			const int64_t shape[] = {factors.size(1), l.C};
			grads.push_back(at::empty(shape, factors.options()));
			l.dmean = grads.back().data_ptr<float>();
			grads.push_back(at::empty(shape, factors.options()));
			l.dvar = grads.back().data_ptr<float>();
		}
		cuda_check(cuda_kernels().distances_gradient(table.data(), (int)table.size(),
		    factors.size(1), factors.const_data_ptr<float>(), dsum.const_data_ptr<float>(),
		    cuda_stream()));
		grads.resize(seen.size() + 3); /* for the other arguments */
		return grads;
	}
};

} // namespace

::Tensor *tensor_bn_distances(const struct bn_distance *layers, int n, bool normalised)
{
	return make("bn_distances", {}, [&] {
		TORCH_CHECK(device_is_cuda(), "the CPU has no pass for all BatchNorms");
		TORCH_CHECK(n > 0, "no layers");
		variable_list seen, running;
		std::vector<double> weights;
		for (const struct bn_distance *l = layers; l < layers + n; l++) {
			TORCH_CHECK(l->mean && l->var && l->running_mean && l->running_var,
			    "a layer has no statistics");
			seen.insert(seen.end(), {l->mean->value, l->var->value});
			running.insert(
			    running.end(), {l->running_mean->value, l->running_var->value});
			weights.push_back(l->weight);
		}
		return Distances::apply(at::TensorList(seen), running, weights, normalised);
	});
}
