/* The plug-in's table, and `put`, which sends a step's numbers to the device. */
#include "lib/cuda/launch.h"

#include <cstring>

namespace
{

struct packet {
	unsigned char bytes[PUT_MAX];
};

__global__ void unpack(unsigned char *to, const __grid_constant__ packet p, int n)
{
	if ((int)threadIdx.x < n)
		to[threadIdx.x] = p.bytes[threadIdx.x];
}

} // namespace

const char *put(void *to, const void *from, size_t bytes, void *stream)
{
	packet p = {};
	if (bytes > PUT_MAX)
		return "too many numbers for one launch";
	memcpy(p.bytes, from, bytes);
	unpack<<<1, (unsigned)(bytes + 31) / 32 * 32, 0, (cudaStream_t)stream>>>(
	    (unsigned char *)to, p, (int)bytes);
	return launched();
}

const cuda_engine *fd2_cuda_engine(void)
{
	static const cuda_engine engine = {sizeof(cuda_engine), frozen_forward, frozen_workspace,
	    frozen_backward, distances, distances_gradient, step_view_forward, step_view_adjoint,
	    adam_pixels, render, put};
	return &engine;
}
