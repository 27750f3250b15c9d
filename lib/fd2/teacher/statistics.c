#include "lib/fd2/teacher/statistics.h"

#include <string.h>

#include "lib/base/err.h"

enum { PATCH = 16 };

const char *const statistic_names[STATISTICS] = {"mean", "var", "patch_mean", "patch_var"};

static int64_t whole_patches(int64_t side)
{
	return (side + PATCH - 1) / PATCH * PATCH;
}

static Tensor *in_whole_patches(const Tensor *x)
{
	int64_t h = whole_patches(tensor_size(x, 2)), w = whole_patches(tensor_size(x, 3));
	Tensor *f = tensor_to(x, tensor_type(x) == T_F64 ? T_F64 : T_F32);
	bool whole = h == tensor_size(x, 2) && w == tensor_size(x, 3);
	return whole ? f : tensor_interpolate(f, h, w, false);
}

/* Of each patch over the images of each group: [G,P]. */
static Tensor *patch_means(const Tensor *x, int groups)
{
	Tensor *patches = tensor_avg_pool2d(tensor_mean(x, 1, (int[]){1}, true), PATCH, PATCH, 0);
	int64_t P = tensor_size(patches, 2) * tensor_size(patches, 3);
	Tensor *of_groups =
	    tensor_reshape(patches, 3, (int64_t[]){groups, tensor_size(x, 0) / groups, P});
	return tensor_mean(of_groups, 1, (int[]){1}, false);
}

void patch_statistics(const Tensor *x, int groups, Tensor **mean, Tensor **var)
{
	Tensor *f = in_whole_patches(x);
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
