/* Batches of images that are looked at: crop, resize, flip, jitter, turn, normalise and mix, in
 * shot.h's arithmetic. Never run on a GPU so far, see test/c/kernels.c. */
#include "lib/cuda/launch.h"

namespace
{

constexpr int threads = 256, image_threads = 1024;

__device__ const uint8_t *box_of(const shot *shots, const shot &s)
{
	return (const uint8_t *)shots + s.at;
}

/* A block is a row of a shot. */
__global__ void __launch_bounds__(threads) resample(const shot *shots, int size, float *rgb)
{
	const shot &s = shots[blockIdx.x / size];
	const int y = blockIdx.x % size;
	float *row = rgb + 3 * (int64_t)blockIdx.x * size;
	for (int x = threadIdx.x; x < size; x += blockDim.x)
		shot_pixel(row + 3 * (s.flip ? size - 1 - x : x), box_of(shots, s), &s, size, x, y);
}

/* Of an image's n pixels, for all threads of its block. */
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

/* A block is an image. */
__global__ void __launch_bounds__(image_threads)
    recolour(const shot *shots, const __grid_constant__ look l, float *rgb)
{
	const jitter &j = shots[blockIdx.x].jitter;
	const int n = l.size * l.size;
	float *image = rgb + 3 * (int64_t)blockIdx.x * n;
	for (int k = 0; k < JITTERS; k++) {
		const int kind = j.order[k];
		if (!(l.range.amount[kind] > 0))
			continue;
		const float mean = kind == CONTRAST ? mean_grey(image, n) : 0;
		for (int i = threadIdx.x; i < n; i += image_threads)
			colour_change(image + 3 * i, kind, (float)j.value[kind], mean);
		__syncthreads();
	}
}

/* A block is a row of what is seen in the end. */
__global__ void __launch_bounds__(threads)
    finish(const shot *shots, const __grid_constant__ look l, const float *rgb, float *out)
{
	const int64_t image = 3 * (int64_t)l.size * l.size;
	const int i = blockIdx.x / l.size, y = blockIdx.x % l.size, with = shots[i].with;
	for (int x = threadIdx.x; x < l.size; x += blockDim.x) {
		const int own = shot_is_cut(&l.mix, x, y) ? with : i;
		for (int c = 0; c < 3; c++) {
			float value = shot_value(rgb + own * image, &shots[own], &l, x, y, c);
			if (l.mix.kind == MIX_MIXUP)
				value = l.mix.lambda * value +
				        (1 - l.mix.lambda) * shot_value(rgb + with * image,
				                                 &shots[with], &l, x, y, c);
			out[i * image + 3 * ((int64_t)y * l.size + x) + c] = value;
		}
	}
}

} // namespace

const char *render(const shot *shots, int n, const look *l, float *room, float *out, void *on)
{
	const cudaStream_t stream = (cudaStream_t)on;
	const unsigned rows = (unsigned)(n * l->size);
	bool recolours = false;
	for (int k = 0; k < JITTERS; k++)
		recolours |= l->range.amount[k] > 0;
	resample<<<rows, threads, 0, stream>>>(shots, l->size, room);
	if (recolours)
		recolour<<<(unsigned)n, image_threads, 0, stream>>>(shots, *l, room);
	finish<<<rows, threads, 0, stream>>>(shots, *l, room, out);
	return launched();
}
