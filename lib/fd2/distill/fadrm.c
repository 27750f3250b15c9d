#include "lib/fd2/distill/fadrm.h"

#include "lib/fd2/distill/methods.h"

const struct method fadrm = {.name = "fadrm", FADRM_SETTINGS};

int fadrm_part(long step, long steps, int parts)
{
	return (int)(step * parts / steps);
}

static Tensor *resized(const Tensor *x, int size)
{
	bool same = tensor_size(x, 2) == size && tensor_size(x, 3) == size;
	return same ? tensor_clone(x)
	            : tensor_channels_last(tensor_interpolate(x, size, size, false));
}

Tensor *residual_connection(const Tensor *x, const Tensor *start, int size, double residual)
{
	if (!x)
		return resized(start, size);
	Tensor *mixed = tensor_affine(resized(x, size), 1 - residual, 0);
	tensor_add_(mixed, resized(start, size), residual);
	return mixed;
}
