/* Batch statistics as an autograd function with one pass over x forwards and one backwards. */
#include "lib/torch/fused.h"
#include "lib/torch/handle.h"
#include "lib/torch/rows.h"
#include <ATen/ops/add.h>
#include <ATen/ops/batch_norm_update_stats.h>
#include <ATen/ops/div.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/square.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

namespace
{

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using MeanVar = std::tuple<Tensor, Tensor>;

MeanVar kernel(const Tensor &x)
{
	/* The kernel returns its results in the type of the running statistics, if that is
	 * wider. */
	const Tensor zero = at::zeros({x.size(1)},
	    x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat));
	return at::batch_norm_update_stats(x, zero, zero.clone(), 0);
}

/* Returns the number of groups in which to sum a channel's elements separately: a divisor of `rows`
 * that leaves about 2048 in each. */
int64_t groups_of(int64_t rows)
{
	const int64_t least = rows / 2048 + 1;
	for (int64_t g = least; g < least + 1024 && g <= rows; g++)
		if (rows % g == 0)
			return g;
	return 1;
}

/* The CPU kernel sums each channel in f32, which loses four digits on large maps. So it is given x
 * as a map of groups * C channels (no copy if x is dense), and the groups' statistics are
 * combined in f64. */
MeanVar mean_var(const Tensor &x)
{
	if (!x.is_cpu() || x.scalar_type() == at::kDouble || x.numel() == 0)
		return kernel(x);
	const bool last = x.is_contiguous(at::MemoryFormat::ChannelsLast);
	const Tensor flat = last ? x : x.contiguous();
	const int64_t c = x.size(1), rows = x.numel() / c,
	              groups = last ? groups_of(rows) : x.size(0);
	const int64_t wide = groups * c, each = rows / groups;
	const Tensor view = last ? flat.as_strided({1, wide, each, 1}, {x.numel(), 1, wide, wide})
	                         : flat.view({1, wide, each, 1});
	auto [mean, var] = kernel(view);
	mean = mean.view({groups, c}).to(at::kDouble);
	var = var.view({groups, c}).to(at::kDouble);
	const Tensor centre = mean.mean(0);
	const Tensor spread = at::add(var.mean(0), at::square(at::sub(mean, centre)).mean(0));
	return {centre.to(at::kFloat), spread.to(at::kFloat)};
}

struct BatchStats : torch::autograd::Function<BatchStats> {
	static variable_list forward(AutogradContext *ctx, const Tensor &x)
	{
		TORCH_CHECK(x.dim() == 4, "[N,C,H,W] was expected");
		auto [mean, var] = mean_var(x);
		ctx->save_for_backward({x, mean});
		return {mean, var};
	}

	/* dx = dmean / n + 2 dvar (x - mean) / n. batch_norm with fixed statistics computes this in
	 * one fused pass, but does not differentiate the statistics; a differentiable gradient is
	 * therefore built from plain operations. */
	static variable_list backward(AutogradContext *ctx, variable_list d)
	{
		const variable_list saved = ctx->get_saved_variables();
		const Tensor &x = saved[0], &mean = saved[1];
		const double n = (double)(x.numel() / x.size(1));
		const Tensor shift = d[0].defined() ? at::div(d[0], n) : at::zeros_like(mean);
		const Tensor slope = d[1].defined() ? at::mul(d[1], 2 / n) : at::zeros_like(mean);
		if (!c10::GradMode::is_enabled())
			return {std::get<0>(at::native_batch_norm(
			    x, slope, shift, mean, at::ones_like(mean), false, 0, 0))};
		const auto wide = [](const Tensor &t) { return t.view({1, -1, 1, 1}); };
		return {at::add(at::mul(at::sub(x, wide(mean)), wide(slope)), wide(shift))
		            .to(x.scalar_type())};
	}
};

} // namespace

void tensor_batch_stats(const ::Tensor *x, int groups, ::Tensor **mean, ::Tensor **var)
{
	*mean = *var = nullptr;
	attempt("batch_stats", {x}, [&] {
		variable_list means, vars;
		for (int g = 0; g < groups; g++) {
			const variable_list stats = BatchStats::apply(part_of(x->value, g, groups));
			means.push_back(stats[0]);
			vars.push_back(stats[1]);
		}
		*mean = adopt(at::stack(means));
		*var = adopt(at::stack(vars));
	});
}
