/* Loops over the pixels of x [N,C,H,W] on the CPU: all threads, blocks of rows, sums that depend on no thread. */
#ifndef FD2_ROWS_H
#define FD2_ROWS_H
#include "lib/torch/frozen-rows.h"
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>
#include <algorithm>
#include <vector>

constexpr int64_t rows_block = 256;

inline at::Tensor like_pixels(const at::Tensor &t)
{
	return t.contiguous(at::MemoryFormat::ChannelsLast);
}

/* The images of group g: as many of each group, one group after the other. */
inline at::Tensor part_of(const at::Tensor &x, int64_t g, int64_t groups)
{
	TORCH_CHECK(groups > 0 && x.size(0) % groups == 0, x.size(0), " images cannot be parted into ", groups, " groups");
	const int64_t n = x.size(0) / groups;
	return x.narrow(0, g * n, n);
}

/* x's part of what the passes over rows want to know. */
inline frozen_bn rows_of(const at::Tensor &x, double top)
{
	TORCH_CHECK(x.dim() == 4, "[N,C,H,W] was expected");
	TORCH_CHECK(x.scalar_type() == at::kBFloat16 || x.scalar_type() == at::kFloat, "f32 or bf16 was expected");
	frozen_bn k = {};
	k.C = x.size(1);
	k.bf16 = x.scalar_type() == at::kBFloat16;
	k.top = (float)top;
	k.x = x.const_data_ptr();
	return k;
}

/* f(b, first, n): block b has n rows from `first`. */
template <class F> void over_rows(const at::Tensor &x, F f)
{
	const int64_t rows = x.numel() / x.size(1), blocks = (rows + rows_block - 1) / rows_block;
	at::parallel_for(0, blocks, 1, [&](int64_t from, int64_t to) {
		for (int64_t b = from; b < to; b++)
			f(b, b * rows_block, std::min(rows_block, rows - b * rows_block));
	});
}

/* Two sums for each channel, [2*C]: f(first, n, a, b) adds those of its rows to a [C] and b [C]. A block's are f32; they are joined
 * in f64 and in order. */
template <class F> std::vector<double> sums_over_rows(const at::Tensor &x, F f)
{
	const int64_t C = x.size(1), blocks = (x.numel() / C + rows_block - 1) / rows_block;
	std::vector<float> parts(2 * blocks * C);
	over_rows(x, [&](int64_t b, int64_t first, int64_t n) {
		float *a = parts.data() + 2 * b * C;
		f(first, n, a, a + C);
	});
	std::vector<double> sums(2 * C);
	for (int64_t b = 0; b < blocks; b++)
		for (int64_t i = 0; i < 2 * C; i++)
			sums[i] += parts[2 * b * C + i];
	return sums;
}
#endif
