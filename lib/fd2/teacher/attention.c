#include "lib/fd2/teacher/attention.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/batch.h"

static float *values(const Tensor *t)
{
	float *v = xcalloc((size_t)tensor_numel(t) + 1, sizeof *v);
	tensor_read(t, T_F32, v, tensor_numel(t));
	return v;
}

static bool is_finite(const float *v, int n)
{
	for (int i = 0; i < n; i++)
		if (!isfinite(v[i]))
			return false;
	return true;
}

int attention_of(struct attention *a, const struct teacher *t, const struct image *im, double cut)
{
	struct pass pass = {.bn = BN_RUNNING};
	tensor_scope_begin(NO_GRAD);
	struct view v = view_inner(im, cut);
	struct teacher_out o =
	    teacher_forward(t, image_tensor(im, &v, t->size, &t->normal, T_F32), &pass);
	*a = (struct attention){.maps = (int)tensor_size(o.A, 1),
	    .h = (int)tensor_size(o.A, 2),
	    .w = (int)tensor_size(o.A, 3)};
	a->A = values(o.A);
	a->z = values(o.z);
	a->features = (int)tensor_size(o.z, 1);
	tensor_scope_end();
	if (!tensor_error() && is_finite(a->A, a->maps * a->h * a->w) &&
	    is_finite(a->z, a->features))
		return 0;
	attention_free(a);
	return fail(
	    "cannot compute attention: %s", tensor_error() ? tensor_error() : "it is not finite");
}

void attention_free(struct attention *a)
{
	free(a->A);
	free(a->z);
	*a = (struct attention){0};
}
