#include "lib/fd2/batch/late.h"

#include "lib/base/err.h"

int late_next(struct late *l, const Tensor *left, enum scalar type, int64_t count, int batch)
{
	Reading *reading = tensor_read_begin(left, type, count);
	if (!reading)
		return fail("%s", tensor_error());
	int err = late_end(l);
	l->left = reading;
	l->batch = batch;
	return err;
}

int late_end(struct late *l)
{
	Reading *left = l->left;
	l->left = NULL;
	return left ? l->look(l->ctx, left, l->batch) : 0;
}

void late_free(struct late *l)
{
	tensor_read_drop(l->left);
	l->left = NULL;
}
