/* Tensors for tests. */
#ifndef FD2_TENSORS_H
#define FD2_TENSORS_H
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/rng.h"
#include "lib/torch/start.h"
#include "lib/torch/tensor.h"

/* libtorch on the CPU, or on what FD2_TEST_DEVICE says (`make check-cuda`). -1: it said why not. */
static inline int start_tests(void)
{
	const char *device = getenv("FD2_TEST_DEVICE");
	if (torch_start(device ? device : "cpu", 1) == 0)
		return 0;
	printf("# %s\n", tensor_error());
	return -1;
}

/* Normal; `what` makes one other than the next. */
static inline Tensor *random_tensor(enum scalar type, int rank, const int64_t *shape, uint32_t what)
{
	struct rng r = rng_at(11, RNG_TEST, what, 0, 0);
	int64_t n = 1;
	for (int i = 0; i < rank; i++)
		n *= shape[i];
	double *v = calloc((size_t)n, sizeof *v);
	for (int64_t i = 0; i < n; i++)
		v[i] = rng_normal(&r);
	Tensor *t = tensor_to(tensor_from(v, T_F64, rank, shape), type);
	free(v);
	return t;
}

/* |a - b| / |b| over all elements */
static inline double distance(const Tensor *a, const Tensor *b)
{
	int64_t flat[] = {-1};
	Tensor *u = tensor_reshape(tensor_to(a, T_F64), 1, flat),
	       *v = tensor_reshape(tensor_to(b, T_F64), 1, flat);
	return tensor_item(tensor_norm(tensor_sub(u, v), 0, false)) /
	       tensor_item(tensor_norm(v, 0, false));
}
#endif
