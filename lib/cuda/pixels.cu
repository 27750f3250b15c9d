/* The learned images: the step's view, its adjoint, and Adam with the clamp. The kernels of pixel-rows.h; never run on a GPU so
 * far, see test/c/kernels.c. They move a few images, so they are written to be read.
 *
 * A block of the view is one row of one image. It reads the view's numbers from the device's memory, and makes the taps of all
 * columns, by sample before flip and roll, once for its threads. */
#include "lib/cuda/launch.h"
#include "lib/torch/elements.h"

namespace
{

constexpr int threads = 256;

__device__ void column_taps(tap *columns, const pixel_view &v, int64_t W)
{
	for (int64_t j = threadIdx.x; j < W; j += blockDim.x)
		columns[j] = view_tap(j, W, v.x, v.w);
	__syncthreads();
}

/* Sample (i, j) of image n: a mix of four pixels; i is the block's, j the threads'. */
__global__ void __launch_bounds__(threads) sample(const float *x, void *y, bool bf16, const pixel_view *view, int64_t H, int64_t W)
{
	extern __shared__ tap columns[];
	const pixel_view v = *view;
	const int64_t i = blockIdx.x, image = (int64_t)blockIdx.y * H;
	const tap row = view_tap(i, H, v.y, v.h);
	const float *above = x + 3 * (image + row.a) * W, *below = x + 3 * (image + row.b) * W;
	const int64_t out = (image + view_place(i, H, false, v.roll_y)) * W;
	column_taps(columns, v, W);
	for (int64_t j = threadIdx.x; j < W; j += blockDim.x) {
		const tap t = columns[j];
		const int64_t to = 3 * (out + view_place(j, W, v.flip, v.roll_x));
		for (int c = 0; c < 3; c++) {
			const float top = view_mix(t, above[3 * t.a + c], above[3 * t.b + c]);
			const float bottom = view_mix(t, below[3 * t.a + c], below[3 * t.b + c]);
			store(y, to + c, view_mix(row, top, bottom), bf16);
		}
	}
}

/* Pixel (r, p) of image n: the sum over the samples that read it, in their order; r is the block's, p the threads'. Outside of the
 * box nobody reads. */
__global__ void __launch_bounds__(threads)
    gather(const void *dy, float *dx, bool bf16, const pixel_view *view, int64_t H, int64_t W)
{
	extern __shared__ tap columns[];
	const pixel_view v = *view;
	const int64_t r = blockIdx.x, image = (int64_t)blockIdx.y * H;
	const readers rows = view_readers(r, H, v.y, v.h);
	column_taps(columns, v, W);
	for (int64_t p = threadIdx.x; p < W; p += blockDim.x) {
		const readers across = view_readers(p, W, v.x, v.w);
		float sum[3] = {};
		for (int64_t i = rows.first; i < rows.end; i++) {
			const float down = view_weight(view_tap(i, H, v.y, v.h), r);
			const int64_t from = (image + view_place(i, H, false, v.roll_y)) * W;
			for (int64_t j = across.first; down != 0 && j < across.end; j++) {
				const float weight = down * view_weight(columns[j], p);
				const int64_t at = 3 * (from + view_place(j, W, v.flip, v.roll_x));
				for (int c = 0; c < 3; c++)
					sum[c] += weight * load(dy, at + c, bf16);
			}
		}
		for (int c = 0; c < 3; c++)
			dx[3 * ((image + r) * W + p) + c] = sum[c];
	}
}

/* One element of m, v and x a thread. */
__global__ void __launch_bounds__(threads) move(const adam *numbers, float *x, const float *g, float *m, float *v, int64_t elements)
{
	const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
	const adam &k = *numbers;
	if (i >= elements)
		return;
	float first = m[i], second = v[i];
	const float moved = adam_move(k.beta1, k.beta2, k.eps, k.rate, k.root, x[i], g[i], &first, &second);
	m[i] = first;
	v[i] = second;
	x[i] = within(moved, k.lo[i % 3], k.hi[i % 3]);
}

/* Room for the taps of a row, or what is wrong. */
const char *check_width(int64_t W)
{
	return W * sizeof(tap) <= 48 << 10 ? nullptr : "images wider than 3072 pixels have no kernel";
}

} // namespace

const char *step_view_forward(
    const float *x, void *y, bool bf16, const pixel_view *view, int64_t N, int64_t H, int64_t W, void *stream)
{
	const dim3 blocks((unsigned)H, (unsigned)N);
	if (const char *wrong = check_width(W))
		return wrong;
	sample<<<blocks, threads, W * sizeof(tap), (cudaStream_t)stream>>>(x, y, bf16, view, H, W);
	return launched();
}

const char *step_view_adjoint(
    const void *dy, float *dx, bool bf16, const pixel_view *view, int64_t N, int64_t H, int64_t W, void *stream)
{
	const dim3 blocks((unsigned)H, (unsigned)N);
	if (const char *wrong = check_width(W))
		return wrong;
	gather<<<blocks, threads, W * sizeof(tap), (cudaStream_t)stream>>>(dy, dx, bf16, view, H, W);
	return launched();
}

const char *adam_pixels(const adam *k, float *x, const float *g, float *m, float *v, int64_t count, void *stream)
{
	const int64_t elements = 3 * count;
	move<<<(unsigned)((elements + threads - 1) / threads), threads, 0, (cudaStream_t)stream>>>(k, x, g, m, v, elements);
	return launched();
}
