#include "lib/torch/rows.h"
#include "lib/kernels/elements.h"
#include "lib/torch/handle.h"
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <algorithm>

constexpr at::MemoryFormat last = at::MemoryFormat::ChannelsLast;

void check_norm(const at::Tensor &x, const struct bn_params *norm, const struct bn_then *then)
{
	TORCH_CHECK(x.dim() == 4, "[N,C,H,W] was expected");
	for (const Tensor *t : {norm->weight, norm->bias, norm->mean, norm->var})
		TORCH_CHECK(t->value.numel() == x.size(1), "a BatchNorm of ", t->value.numel(),
		    " channels sees ", x.size(1));
	TORCH_CHECK(!then->pools || !then->residual, "a pool takes no residual");
	if (!then->residual)
		return;
	const at::Tensor &r = then->residual->value;
	TORCH_CHECK(r.sizes() == x.sizes() && r.scalar_type() == x.scalar_type(),
	    "the residual has another shape or type: ", r.sizes());
}

at::Tensor like_pixels(const at::Tensor &t)
{
	return t.contiguous(last);
}

at::Tensor part_of(const at::Tensor &x, int64_t g, int64_t groups)
{
	TORCH_CHECK(groups > 0 && x.size(0) % groups == 0, x.size(0),
	    " images cannot be parted into ", groups, " groups");
	const int64_t n = x.size(0) / groups;
	return x.narrow(0, g * n, n);
}

bn_pass pass_over(const at::Tensor &x, double top, bool pools)
{
	TORCH_CHECK(x.dim() == 4, "[N,C,H,W] was expected");
	TORCH_CHECK(x.scalar_type() == at::kBFloat16 || x.scalar_type() == at::kFloat,
	    "f32 or bf16 was expected");
	bn_pass k = {};
	k.C = x.size(1);
	k.bf16 = x.scalar_type() == at::kBFloat16;
	k.top = (float)top;
	k.x = x.const_data_ptr();
	k.pools = pools;
	k.H = x.size(2);
	k.W = x.size(3);
	return k;
}

at::Tensor empty_y(const at::Tensor &x, bool pools)
{
	const auto side = [&](int64_t n) { return pools ? pool_size(n) : n; };
	return at::empty(
	    {x.size(0), x.size(1), side(x.size(2)), side(x.size(3))}, x.options(), last);
}

at::Tensor what_passed(const at::Tensor &y, bool pools)
{
	return pools ? at::empty(y.sizes(), y.options().dtype(at::kByte), last) : y;
}

void set_passed(bn_pass *k, const at::Tensor &passed)
{
	if (k->pools)
		k->winner = passed.mutable_data_ptr<uint8_t>();
	else
		k->y = passed.data_ptr();
}

namespace
{

constexpr int64_t rows_block = 256;

/* Calls f(b, first, n) for each block b, which has n rows from `first`. */
template <class F> void over_rows(const at::Tensor &x, F f)
{
	const int64_t rows = x.numel() / x.size(1), blocks = (rows + rows_block - 1) / rows_block;
	at::parallel_for(0, blocks, 1, [&](int64_t from, int64_t to) {
		for (int64_t b = from; b < to; b++)
			f(b, b * rows_block, std::min(rows_block, rows - b * rows_block));
	});
}

/* Returns two sums per channel, [2*C]. over(parts) adds each block's f32 sums to parts
 * [blocks][2*C], which start as zeros; these are then added in f64, in order. */
template <class Over> std::vector<double> join(int64_t blocks, int64_t C, Over over)
{
	std::vector<float> parts(2 * blocks * C);
	over(parts.data());
	std::vector<double> sums(2 * C);
	for (int64_t b = 0; b < blocks; b++)
		for (int64_t i = 0; i < 2 * C; i++)
			sums[i] += parts[2 * b * C + i];
	return sums;
}

/* Functions that add to the two sums: those of n rows from `first`, or of a band. */
using row_sums = void (*)(const bn_pass *k, int64_t first, int64_t n, float *a, float *b);
using band_sums = void (*)(
    const bn_pass *k, int64_t band, pool_workspace *workspace, float *a, float *b);

std::vector<double> sums_over_rows(const bn_pass &k, const at::Tensor &x, row_sums add)
{
	const int64_t C = k.C, blocks = (x.numel() / C + rows_block - 1) / rows_block;
	return join(blocks, C, [&](float *parts) {
		over_rows(x, [&](int64_t b, int64_t first, int64_t n) {
			add(&k, first, n, parts + 2 * b * C, parts + (2 * b + 1) * C);
		});
	});
}

int64_t bands_of(const bn_pass &k, const at::Tensor &x)
{
	return x.size(0) * pool_size(k.H);
}

template <class F> void over_bands(const bn_pass &k, const at::Tensor &x, F f)
{
	at::parallel_for(0, bands_of(k, x), 1, [&](int64_t from, int64_t to) {
		pool_workspace *workspace = pool_workspace_new(&k);
		for (int64_t band = from; band < to; band++)
			f(band, workspace);
		pool_workspace_free(workspace);
	});
}

std::vector<double> sums_over_bands(const bn_pass &k, const at::Tensor &x, band_sums add)
{
	return join(bands_of(k, x), k.C, [&](float *parts) {
		over_bands(k, x, [&](int64_t band, pool_workspace *workspace) {
			add(&k, band, workspace, parts + 2 * band * k.C,
			    parts + (2 * band + 1) * k.C);
		});
	});
}

} // namespace

void values_of_rows(const bn_pass &k, const at::Tensor &x)
{
	if (k.pools)
		over_bands(k, x, [&](int64_t band, pool_workspace *workspace) {
			pooled_bn_forward(&k, band, workspace, nullptr, nullptr);
		});
	else
		over_rows(
		    x, [&](int64_t, int64_t first, int64_t n) { bn_rows_values(&k, first, n); });
}

std::vector<double> values_and_sums_of_rows(const bn_pass &k, const at::Tensor &x)
{
	return k.pools ? sums_over_bands(k, x, pooled_bn_forward)
	               : sums_over_rows(k, x, bn_rows_forward);
}

std::vector<double> sums_of_rows(const bn_pass &k, const at::Tensor &x)
{
	return sums_over_rows(k, x, bn_rows_sums);
}

std::vector<double> gradient_sums_of_rows(const bn_pass &k, const at::Tensor &x)
{
	return k.pools ? sums_over_bands(k, x, pooled_bn_gradient_sums)
	               : sums_over_rows(k, x, bn_rows_gradient_sums);
}

void gradients_of_rows(const bn_pass &k, const at::Tensor &x)
{
	if (k.pools)
		over_bands(k, x, [&](int64_t band, pool_workspace *workspace) {
			pooled_bn_backward(&k, band, workspace);
		});
	else
		over_rows(
		    x, [&](int64_t, int64_t first, int64_t n) { bn_rows_backward(&k, first, n); });
}
