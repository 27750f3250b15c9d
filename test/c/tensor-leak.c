/* Ten thousand training steps of a small network: handles and memory stay as they are. */
#include "lib/torch/functional.h"
#include "lib/torch/fused.h"
#include "lib/torch/optim.h"
#include "lib/torch/start.h"
#include "lib/torch/tensor.h"
#include "test/c/check.h"
#include <stdio.h>
#include <unistd.h>

enum { STEPS = 10000, WARM = 1000, PARAMS = 4 };

static double rss_mib(void)
{
	long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f) {
		CHECK(fscanf(f, "%ld %ld", &size, &resident) == 2);
		fclose(f);
	}
	return (double)(resident * sysconf(_SC_PAGESIZE)) / (1 << 20);
}

static void step(Tensor *x, Tensor *labels, Tensor **param, Tensor **momentum, long count)
{
	Tensor *grad[PARAMS], *mean, *var;
	tensor_scope_begin(GRAD);
	Tensor *y = tensor_conv2d(x, param[0], NULL, 1, 1, 1);
	tensor_batch_stats(y, 1, &mean, &var);
	y = tensor_relu(tensor_batch_norm(y, param[1], param[2], NULL, NULL, true, 0.1, 1e-5));
	y = tensor_mean(y, 2, (int[]){2, 3}, false);
	Tensor *loss = tensor_cross_entropy(tensor_linear(y, param[3], NULL), labels, 0);
	loss = tensor_add(loss,
	    tensor_affine(
	        tensor_mean(tensor_add(tensor_mul(mean, mean), var), 0, NULL, false), 0.01, 0));
	CHECK(tensor_grad(loss, param, PARAMS, grad, false) == 0);
	tensor_sgd_(param, grad, momentum, PARAMS,
	    &(struct optim_step){tensor_optim_numbers(count, 1e-3), 1, 1e-4}, 0.9, false);
	tensor_scope_end();
}

static Tensor *pattern(int rank, const int64_t *shape)
{
	float data[192];
	for (int i = 0; i < 192; i++)
		data[i] = (float)(i * 37 % 101) / 101 - 0.5f;
	return tensor_from(data, T_F32, rank, shape);
}

static void flat_memory(void)
{
	static const int64_t shape[PARAMS][4] = {{4, 3, 3, 3}, {4}, {4}, {2, 4}};
	static const int rank[PARAMS] = {4, 1, 1, 2};
	Tensor *param[PARAMS], *momentum[PARAMS];
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < PARAMS; i++) {
		param[i] = pattern(rank[i], shape[i]);
		momentum[i] = tensor_full_like(param[i], 0);
		tensor_requires_grad_(param[i], true);
	}
	Tensor *x = tensor_channels_last(pattern(4, (int64_t[]){2, 3, 4, 4}));
	Tensor *labels = tensor_from((int64_t[]){0, 1}, T_I64, 1, (int64_t[]){2});
	const long live = tensor_live();
	double warm = 0;
	for (long i = 1; i <= STEPS; i++) {
		step(x, labels, param, momentum, i);
		CHECK(tensor_live() == live);
		if (i == WARM)
			warm = rss_mib();
	}
	double growth = rss_mib() - warm;
	printf("%ld handles; memory grew by %.2f MiB over steps %d to %d\n", tensor_live(), growth,
	    WARM, STEPS);
	CHECK(growth < 4);
	CHECK(tensor_error() == NULL);
	tensor_scope_end();
}

int main(void)
{
	if (torch_start("cpu", 1) != 0) {
		printf("%s\n", tensor_error());
		return 1;
	}
	RUN(flat_memory);
	CHECK(tensor_live() == 0);
	return check_done();
}
