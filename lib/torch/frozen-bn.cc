/* BatchNorm with running statistics, what follows it, and the batch statistics of its input, as one
 * autograd function that reads x once forwards and once backwards. Weights and running statistics
 * get no gradient. */
#include "lib/kernels/elements.h"
#include "lib/torch/cuda.h"
#include "lib/torch/fused.h"
#include "lib/torch/handle.h"
#include "lib/torch/rows.h"
#include <ATen/ops/add.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sub.h>
#include <c10/util/Exception.h>
#include <cmath>
#include <torch/csrc/autograd/custom_function.h>

namespace
{

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

float *floats(const Tensor &t)
{
	return t.defined() ? t.mutable_data_ptr<float>() : nullptr;
}

/* mean and var may be undefined: not needed. */
void forward_cpu(const bn_pass &k, const Tensor &x, const Tensor &mean, const Tensor &var)
{
	if (!mean.defined())
		return values_of_rows(k, x);
	const std::vector<double> sums = values_and_sums_of_rows(k, x);
	for (int64_t c = 0; c < k.C; c++)
		bn_mean_var(sums[c], sums[k.C + c], (double)(x.numel() / k.C), k.pivot[c],
		    mean.data_ptr<float>() + c, var.data_ptr<float>() + c);
}

int64_t rows_of_group(const Tensor &x, int64_t groups)
{
	return part_of(x, 0, groups).numel() / x.size(1);
}

/* Processes all groups at once. */
void forward_cuda(
    const bn_pass &k, const Tensor &x, int64_t groups, const Tensor &mean, const Tensor &var)
{
	const int64_t rows = rows_of_group(x, groups);
	Tensor workspace;
	if (mean.defined())
		workspace =
		    at::empty({cuda_kernels().frozen_workspace(&k, rows, groups)}, mean.options());
	cuda_check(cuda_kernels().frozen_forward(
	    &k, rows, groups, floats(workspace), floats(mean), floats(var), cuda_stream()));
}

/* dmean and dvar may be undefined, meaning zeros. */
void backward_cpu(
    bn_pass k, const Tensor &x, const Tensor &mean, const Tensor &dmean, const Tensor &dvar)
{
	const float *m = floats(mean), *dm = floats(dmean), *dv = floats(dvar);
	std::vector<float> slope(k.C), offset(k.C);
	const double n = (double)(x.numel() / k.C);
	for (int64_t c = 0; c < k.C; c++)
		bn_line(dm ? dm[c] : 0, dv ? dv[c] : 0, m ? m[c] : 0, n, &slope[c], &offset[c]);
	k.slope = slope.data();
	k.offset = offset.data();
	gradients_of_rows(k, x);
}

void backward_cuda(const bn_pass &k, const Tensor &x, int64_t groups, const Tensor &mean,
    const Tensor &dmean, const Tensor &dvar)
{
	cuda_check(cuda_kernels().frozen_backward(&k, rows_of_group(x, groups), groups,
	    floats(mean), floats(dmean), floats(dvar), cuda_stream()));
}

Tensor at_group(const Tensor &statistic, int64_t g)
{
	return statistic.defined() ? statistic[g] : statistic;
}

/* Returns the gradient of mean (1) or var (2); undefined if there is none. */
Tensor statistic(const variable_list &d, size_t which)
{
	return which < d.size() && d[which].defined() ? d[which].contiguous() : Tensor();
}

struct FrozenBn : torch::autograd::Function<FrozenBn> {
	static variable_list forward(AutogradContext *ctx, const Tensor &input, const Tensor &scale,
	    const Tensor &shift, const Tensor &pivot, const std::optional<Tensor> &residual,
	    double top, bool pools, int64_t groups, bool asked)
	{
		const Tensor x = like_pixels(input), y = empty_y(x, pools),
		             passed = what_passed(y, pools);
		const Tensor r = residual ? like_pixels(*residual) : Tensor();
		Tensor mean, var;
		if (asked) {
			mean = at::empty({groups, x.size(1)}, scale.options());
			var = at::empty_like(mean);
		}
		const auto pass_of = [&](int64_t g, int64_t of) { /* images of part g of `of` */
			bn_pass k = pass_over(part_of(x, g, of), top, pools);
			set_passed(&k, part_of(passed, g, of));
			k.residual = r.defined() ? part_of(r, g, of).const_data_ptr() : nullptr;
			k.y = part_of(y, g, of).data_ptr();
			k.scale = scale.const_data_ptr<float>();
			k.shift = shift.const_data_ptr<float>();
			k.pivot = pivot.const_data_ptr<float>();
			return k;
		};
		if (device_is_cuda())
			forward_cuda(pass_of(0, 1), x, groups, mean, var);
		else
			for (int64_t g = 0; g < groups; g++)
				forward_cpu(pass_of(g, groups), part_of(x, g, groups),
				    at_group(mean, g), at_group(var, g));
		ctx->save_for_backward({x, passed, scale, mean});
		ctx->saved_data["top"] = top;
		ctx->saved_data["pools"] = pools;
		ctx->saved_data["adds"] = residual.has_value();
		ctx->saved_data["groups"] = groups;
		return asked ? variable_list{y, mean, var} : variable_list{y};
	}

	static variable_list backward(AutogradContext *ctx, variable_list d)
	{
		const variable_list saved = ctx->get_saved_variables();
		const Tensor &x = saved[0], &passed = saved[1], &scale = saved[2], &mean = saved[3];
		const double top = ctx->saved_data["top"].toDouble();
		const bool pools = ctx->saved_data["pools"].toBool();
		const Tensor dy = d[0].defined() ? like_pixels(d[0]) : empty_y(x, pools).zero_();
		const Tensor dx = at::empty_like(x);
		const Tensor dr = ctx->saved_data["adds"].toBool() ? at::empty_like(x) : Tensor();
		const Tensor dmean = statistic(d, 1), dvar = statistic(d, 2);
		const int64_t groups = ctx->saved_data["groups"].toInt();
		const auto pass_of = [&](int64_t g, int64_t of) {
			bn_pass k = pass_over(part_of(x, g, of), top, pools);
			set_passed(&k, part_of(passed, g, of));
			k.scale = scale.const_data_ptr<float>();
			k.dy = part_of(dy, g, of).const_data_ptr();
			k.dx = part_of(dx, g, of).data_ptr();
			k.dresidual = dr.defined() ? part_of(dr, g, of).data_ptr() : nullptr;
			return k;
		};
		if (device_is_cuda())
			backward_cuda(pass_of(0, 1), x, groups, mean, dmean, dvar);
		else
			for (int64_t g = 0; g < groups; g++)
				backward_cpu(pass_of(g, groups), part_of(x, g, groups),
				    at_group(mean, g), at_group(dmean, g), at_group(dvar, g));
		return {
		    dx, Tensor(), Tensor(), Tensor(), dr, Tensor(), Tensor(), Tensor(), Tensor()};
	}
};

/* Returns scale and shift. */
std::pair<Tensor, Tensor> line_of(const struct bn_params *norm)
{
	const Tensor deviation = at::sqrt(at::add(norm->var->value, norm->eps));
	const Tensor scale = at::div(norm->weight->value, deviation).detach();
	return {scale, at::sub(norm->bias->value, at::mul(norm->mean->value, scale)).detach()};
}

} // namespace

void tensor_frozen_line(const struct bn_params *norm, ::Tensor **scale, ::Tensor **shift)
{
	*scale = *shift = nullptr;
	attempt("frozen_line", {norm->weight, norm->bias, norm->mean, norm->var}, [&] {
		const auto line = line_of(norm);
		*scale = adopt(line.first);
		*shift = adopt(line.second);
	});
}

::Tensor *tensor_frozen_bn(const ::Tensor *x, const struct bn_params *norm,
    const struct bn_then *then, int groups, ::Tensor **mean, ::Tensor **var)
{
	::Tensor *y = nullptr;
	if (mean)
		*mean = *var = nullptr;
	attempt("frozen_bn", {x, norm->weight, norm->bias, norm->mean, norm->var}, [&] {
		check_norm(x->value, norm, then);
		const auto line = norm->scale
		                      ? std::make_pair(norm->scale->value, norm->shift->value)
		                      : line_of(norm);
		const variable_list out = FrozenBn::apply(x->value, line.first, line.second,
		    norm->mean->value, maybe(then->residual), then->top, then->pools,
		    (int64_t)groups, mean != nullptr);
		y = adopt(out[0]);
		if (mean) {
			*mean = adopt(out[1]);
			*var = adopt(out[2]);
		}
	});
	return y;
}
