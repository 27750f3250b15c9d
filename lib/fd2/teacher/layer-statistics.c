#include "lib/fd2/teacher/layer-statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/torch/start.h"

enum { PATCH = 16 };

const char *const statistic_names[STATISTICS] = {"mean", "var", "patch_mean", "patch_var"};

static int64_t whole_patches(int64_t side)
{
	return (side + PATCH - 1) / PATCH * PATCH;
}

/* Returns the matrix [to,n] of `type` that interpolates n values linearly to `to` values
 * (half-pixel centres). */
static Tensor *interpolation(int64_t n, int64_t to, enum scalar type)
{
	double *m = xcalloc((size_t)(to * n), sizeof *m);
	for (int64_t i = 0; i < to; i++) {
		double at = fmax(((double)i + 0.5) * (double)n / (double)to - 0.5, 0);
		int64_t low = (int64_t)at, high = low + (low < n - 1);
		m[i * n + high] = at - (double)low;
		m[i * n + low] += 1 - (at - (double)low);
	}
	Tensor *t = tensor_to(tensor_from(m, T_F64, 2, (int64_t[]){to, n}), type);
	free(m);
	return t;
}

/* Resizes x [N,H,W,C] to [N,h,w,C]. On the CPU two matrix products are much faster than torch's
 * interpolation and its gradient; on a GPU, a replayed step cannot create the matrices. */
static Tensor *resized(const Tensor *x, int64_t h, int64_t w)
{
	int64_t N = tensor_size(x, 0), H = tensor_size(x, 1), W = tensor_size(x, 2),
	        C = tensor_size(x, 3);
	if (torch_on_gpu()) {
		Tensor *planes = tensor_permute(x, 4, (int[]){0, 3, 1, 2});
		return tensor_permute(
		    tensor_interpolate(planes, h, w, false), 4, (int[]){0, 2, 3, 1});
	}
	Tensor *rows = tensor_reshape(x, 3, (int64_t[]){N * H, W, C});
	rows = tensor_matmul(interpolation(W, w, tensor_type(x)), rows);
	Tensor *columns = tensor_reshape(rows, 3, (int64_t[]){N, H, w * C});
	columns = tensor_matmul(interpolation(H, h, tensor_type(x)), columns);
	return tensor_reshape(columns, 4, (int64_t[]){N, h, w, C});
}

/* Returns the mean of each patch of x [N,h,w,C] over the images of each group: [G,P]. */
static Tensor *patch_means(const Tensor *x, int groups)
{
	int64_t u = tensor_size(x, 1) / PATCH, v = tensor_size(x, 2) / PATCH;
	int64_t shape[] = {
	    groups, tensor_size(x, 0) / groups, u, PATCH, v, PATCH * tensor_size(x, 3)};
	/* the gradient of a sum needs no pass over x */
	Tensor *sums = tensor_sum(tensor_reshape(x, 6, shape), 3, (int[]){1, 3, 5}, false);
	Tensor *means = tensor_affine(sums, 1 / (double)(shape[1] * PATCH * shape[5]), 0);
	return tensor_reshape(means, 2, (int64_t[]){groups, u * v});
}

void patch_statistics(const Tensor *x, int groups, Tensor **mean, Tensor **var)
{
	int64_t H = tensor_size(x, 2), W = tensor_size(x, 3), h = whole_patches(H),
	        w = whole_patches(W);
	Tensor *f = tensor_to(x, tensor_type(x) == T_F64 ? T_F64 : T_F32);
	f = tensor_permute(f, 4, (int[]){0, 2, 3, 1}); /* the order of channels-last memory */
	if (h != H || w != W)
		f = resized(f, h, w);
	*mean = patch_means(f, groups);
	*var = tensor_sub(patch_means(tensor_mul(f, f), groups), tensor_mul(*mean, *mean));
}

static char *name_of(const struct params *p, const Tensor *t, const char *end)
{
	for (int i = 0; i < p->n; i++)
		if (p->v[i].t == t)
			return xasprintf(
			    "%.*s", (int)(strlen(p->v[i].name) - strlen(end)), p->v[i].name);
	return xstrdup("");
}

char *bn_name(const struct params *p, const struct bn *bn)
{
	return name_of(p, bn->mean, ".running_mean");
}

char *conv_name(const struct params *p, const struct conv *conv)
{
	return name_of(p, conv->weight, ".weight");
}
