/* The learned images: the step's view, its adjoint, and Adam with the clamp. These are pixel-rows.h
 * as CUDA kernels; see test/c/kernels.c.
 *
 * The numbers of views and of Adam are read from device memory. Each view applies to `each`
 * consecutive images. */
#include "lib/cuda/channels.h"

namespace
{

constexpr int threads = 256;
constexpr int BAND = 8; /* rows of samples that a thread computes */

/* A block computes `threads` elements of BAND rows of samples of image blockIdx.z; a sample has 3
 * elements and mixes four pixels. */
template <class T>
__global__ void __launch_bounds__(threads)
    sample(const float *x, void *y, const pixel_view *views, int each, int H, int W, int h, int w)
{
	__shared__ tap rows[BAND];
	__shared__ int places[BAND];
	const pixel_view v = views[blockIdx.z / each];
	const int64_t image = (int64_t)blockIdx.z * H, seen = (int64_t)blockIdx.z * h;
	const int first = blockIdx.y * BAND, n = min(BAND, h - first);
	const int e = blockIdx.x * threads + threadIdx.x, j = e / 3, c = e % 3;
	if ((int)threadIdx.x < n) {
		rows[threadIdx.x] = view_tap(first + threadIdx.x, h, v.y, v.h);
		places[threadIdx.x] = view_place(first + threadIdx.x, h, false, v.roll_y);
	}
	__syncthreads();
	if (j >= w)
		return;
	const tap column = view_tap(j, w, v.x, v.w);
	const int a = 3 * column.a + c, b = 3 * column.b + c,
	          to = 3 * view_place(j, w, v.flip, v.roll_x) + c;
	for (int i = 0; i < n; i++) {
		const float *above = x + 3 * (image + rows[i].a) * W,
		            *below = x + 3 * (image + rows[i].b) * W;
		const float top = view_mix(column, above[a], above[b]),
		            bottom = view_mix(column, below[a], below[b]);
		const float value[] = {view_mix(rows[i], top, bottom)};
		set<T, 1>(y, 3 * (seen + places[i]) * w + to, rounded<T>(value));
	}
}

/* A block computes pixel row blockIdx.x of image blockIdx.y. It first adds the rows of samples that
 * read this row, then for each pixel the columns that read it, in the order of the samples. */
template <class T>
__global__ void __launch_bounds__(threads)
    gather(const void *dy, float *dx, const pixel_view *views, int each, int H, int W, int h, int w)
{
	extern __shared__ float sums[];
	__shared__ float weights[threads];
	__shared__ int places[threads];
	const pixel_view v = views[blockIdx.y / each];
	const int64_t image = (int64_t)blockIdx.y * H, seen = (int64_t)blockIdx.y * h;
	const int r = blockIdx.x;
	const readers rows = view_readers(r, h, v.y, v.h);
	for (int e = threadIdx.x; e < 3 * w; e += threads)
		sums[e] = 0;
	for (int first = rows.first; first < rows.end; first += threads) {
		const int n = min(threads, rows.end - first), i = first + threadIdx.x;
		__syncthreads();
		weights[threadIdx.x] = view_weight(view_tap(i, h, v.y, v.h), r);
		places[threadIdx.x] = view_place(i, h, false, v.roll_y);
		__syncthreads();
		for (int e = threadIdx.x; e < 3 * w; e += threads) {
			float sum = sums[e];
			for (int k = 0; k < n; k++)
				if (weights[k] != 0)
					sum +=
					    weights[k] *
					    wide(((const T *)dy)[3 * (seen + places[k]) * w + e]);
			sums[e] = sum;
		}
	}
	__syncthreads();
	for (int p = threadIdx.x; p < W; p += threads) {
		const readers across = view_readers(p, w, v.x, v.w);
		float sum[3] = {};
		for (int j = across.first; j < across.end; j++) {
			const float weight = view_weight(view_tap(j, w, v.x, v.w), p);
			const float *from = sums + 3 * view_place(j, w, v.flip, v.roll_x);
			for (int c = 0; c < 3; c++)
				sum[c] += weight * from[c];
		}
		for (int c = 0; c < 3; c++)
			dx[3 * ((image + r) * W + p) + c] = sum[c];
	}
}

/* Each thread updates one element of m, v and x. */
__global__ void __launch_bounds__(threads)
    move(const adam *numbers, float *x, const float *g, float *m, float *v, int64_t elements)
{
	const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
	const adam &k = *numbers;
	if (i >= elements)
		return;
	float first = m[i], second = v[i];
	const float moved =
	    adam_move(k.beta1, k.beta2, k.eps, k.rate, k.root, x[i], g[i], &first, &second);
	m[i] = first;
	v[i] = second;
	x[i] = within(moved, k.lo[i % 3], k.hi[i % 3]);
}

} // namespace

const char *step_view_forward(const float *x, void *y, bool bf16, const pixel_view *views,
    int64_t n, int64_t N, const view_sides *s, void *on)
{
	const cudaStream_t stream = (cudaStream_t)on;
	const dim3 blocks((unsigned)((3 * s->w + threads - 1) / threads),
	    (unsigned)((s->h + BAND - 1) / BAND), (unsigned)N);
	const auto kernel = bf16 ? sample<uint16_t> : sample<float>;
	kernel<<<blocks, threads, 0, stream>>>(
	    x, y, views, (int)(N / n), (int)s->H, (int)s->W, (int)s->h, (int)s->w);
	return launched();
}

const char *step_view_adjoint(const void *dy, float *dx, bool bf16, const pixel_view *views,
    int64_t n, int64_t N, const view_sides *s, void *on)
{
	const cudaStream_t stream = (cudaStream_t)on;
	const dim3 blocks((unsigned)s->H, (unsigned)N);
	const size_t workspace = 3 * s->w * sizeof(float);
	if (workspace > 40 << 10)
		return "views wider than 3413 pixels have no kernel";
	const auto kernel = bf16 ? gather<uint16_t> : gather<float>;
	kernel<<<blocks, threads, workspace, stream>>>(
	    dy, dx, views, (int)(N / n), (int)s->H, (int)s->W, (int)s->h, (int)s->w);
	return launched();
}

const char *adam_pixels(
    const adam *k, float *x, const float *g, float *m, float *v, int64_t count, void *stream)
{
	const int64_t elements = 3 * count;
	move<<<(unsigned)((elements + threads - 1) / threads), threads, 0, (cudaStream_t)stream>>>(
	    k, x, g, m, v, elements);
	return launched();
}
