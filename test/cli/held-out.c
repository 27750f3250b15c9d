/* Prints the pixels of a validation: of each image of a shard, in its order, 8 bits
 * [size][size][3]. usage: held-out SHARD SIZE FIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/validate.h"
#include "lib/torch/start.h"

static int print(void *ctx, const Tensor *x, const int64_t *labels)
{
	const int *size = ctx;
	int64_t n = tensor_size(x, 0), count = n * *size * *size * 3;
	float *v = xcalloc((size_t)count, sizeof *v);
	(void)labels;
	if (tensor_read(tensor_permute(x, 4, (int[]){0, 2, 3, 1}), T_F32, v, count) < 0)
		die("%s", tensor_error());
	for (int64_t i = 0; i < count; i++)
		putchar((int)lrintf(255 * v[i]));
	free(v);
	return 0;
}

int main(int argc, char **argv)
{
	struct normal as_they_are = {{0, 0, 0}, {1, 1, 1}};
	struct dataset d;
	if (argc != 4)
		die_usage("expected SHARD, SIZE and FIT");
	int size = atoi(argv[2]);
	struct dataset_options o = {
	    .fit = fit_of(argv[3]), .size = size, .exact = true, .strict = true};
	if (torch_start("cpu", 1) < 0)
		die("%s", tensor_error());
	if (dataset_read(&d, argv + 1, 1, &o) < 0 ||
	    validate(&d, size, &as_they_are, false, print, &size) < 0)
		die("%s", fail_message());
	dataset_free(&d);
	return fclose(stdout) ? 1 : 0;
}
