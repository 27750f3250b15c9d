/* Renders batches of views: crop, resize, flip, jitter, rotate, normalise and mix, with the
 * arithmetic of lib/image/view-pixel.h. */
#include "lib/cuda/launch.h"

namespace
{

constexpr int threads = 256, image_threads = 1024;

/* The contents of a staging buffer. */
struct staged {
	const view *views;
	const int64_t *at;
	const uint8_t *bytes;
};

staged staged_in(const void *staging, int n)
{
	const view *views = (const view *)staging;
	return {views, (const int64_t *)(views + n), (const uint8_t *)staging};
}

/* Each block resamples one row of a view. */
__global__ void __launch_bounds__(threads) resample(const staged from, int size, float *rgb)
{
	const int i = blockIdx.x / size, y = blockIdx.x % size;
	const view &v = from.views[i];
	float *row = rgb + 3 * (int64_t)blockIdx.x * size;
	for (int x = threadIdx.x; x < size; x += blockDim.x)
		view_pixel(row + 3 * (v.flip ? size - 1 - x : x), from.bytes + from.at[i], &v.box,
		    size, x, y);
}

/* Returns the mean grey value of an image's n pixels. All threads of its block must call it. */
__device__ float mean_grey(const float *image, int n)
{
	__shared__ double sums[image_threads];
	double sum = 0;
	for (int i = threadIdx.x; i < n; i += image_threads)
		sum += colour_grey(image + 3 * i);
	sums[threadIdx.x] = sum;
	for (int half = image_threads / 2; half > 0; half /= 2) {
		__syncthreads();
		if ((int)threadIdx.x < half)
			sums[threadIdx.x] += sums[threadIdx.x + half];
	}
	__syncthreads();
	return (float)(sums[0] / n);
}

/* Each block recolours one view. */
__global__ void __launch_bounds__(image_threads) recolour(const view *views, int n, float *rgb)
{
	const jitter &j = views[blockIdx.x].jitter;
	float *image = rgb + 3 * (int64_t)blockIdx.x * n;
	for (int k = 0; k < j.n; k++) {
		const int kind = j.order[k];
		const float mean = kind == CONTRAST ? mean_grey(image, n) : 0;
		for (int i = threadIdx.x; i < n; i += image_threads)
			colour_change(image + 3 * i, kind, j.value[kind], mean);
		__syncthreads();
	}
}

/* Each block finishes one row of a rendered view. */
__global__ void __launch_bounds__(threads)
    finish(const view *views, const __grid_constant__ rendering how, const float *rgb, float *out)
{
	const int64_t image = 3 * (int64_t)how.size * how.size;
	const int i = blockIdx.x / how.size, y = blockIdx.x % how.size, with = views[i].with;
	for (int x = threadIdx.x; x < how.size; x += blockDim.x) {
		const int own = mix_is_cut(&how.mix, x, y) ? with : i;
		for (int c = 0; c < 3; c++) {
			float value = view_value(rgb + own * image, &views[own], &how, x, y, c);
			if (how.mix.kind == MIX_MIXUP)
				value = how.mix.lambda * value +
				        (1 - how.mix.lambda) * view_value(rgb + with * image,
				                                   &views[with], &how, x, y, c);
			out[i * image + 3 * ((int64_t)y * how.size + x) + c] = value;
		}
	}
}

} // namespace

const char *render(
    const void *staging, int n, const rendering *how, float *workspace, float *out, void *on)
{
	const cudaStream_t stream = (cudaStream_t)on;
	const unsigned rows = (unsigned)(n * how->size);
	const staged from = staged_in(staging, n);
	resample<<<rows, threads, 0, stream>>>(from, how->size, workspace);
	recolour<<<(unsigned)n, image_threads, 0, stream>>>(
	    from.views, how->size * how->size, workspace);
	finish<<<rows, threads, 0, stream>>>(from.views, *how, workspace, out);
	return launched();
}
