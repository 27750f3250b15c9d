#include "lib/nn/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

static const struct {
	enum dtype stored;
	enum scalar computed;
} types[] = {{DT_F16, T_F16}, {DT_F32, T_F32}, {DT_F64, T_F64}, {DT_I32, T_I32}, {DT_I64, T_I64},
    {DT_U8, T_U8}, {DT_BOOL, T_BOOL}};

static enum scalar scalar_of(enum dtype t)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].stored == t)
			return types[i].computed;
	return T_F32;
}

static enum dtype dtype_of(enum scalar t)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].computed == t)
			return types[i].stored;
	return DT_F32;
}

int weights_array(struct array *a, const char *name, const Tensor *t)
{
	enum dtype type = dtype_of(tensor_type(t));
	*a = (struct array){.name = xstrdup(name), .dtype = type, .rank = tensor_rank(t)};
	for (int i = 0; i < a->rank; i++)
		a->shape[i] = tensor_size(t, i);
	a->size = (size_t)tensor_numel(t) * fd2_dtype_size(type);
	a->data = xcalloc(a->size + 1, 1);
	if (tensor_read(t, scalar_of(type), a->data, tensor_numel(t)) == 0)
		return 0;
	fd2_array_free(a);
	return fail("cannot read tensor '%s': %s", name, tensor_error());
}

int weights_put_tensor(struct stream_writer *w, const char *name, const Tensor *t)
{
	struct array a;
	if (weights_array(&a, name, t) < 0)
		return -1;
	int err = array_finite(&a) ? fd2_stream_put(w, name, a.dtype, a.rank, a.shape, a.data)
	                           : fail("tensor '%s' is not finite", name);
	fd2_array_free(&a);
	return err;
}

Tensor *weights_tensor(const struct array *a)
{
	return tensor_from(a->data, scalar_of(a->dtype), a->rank, a->shape);
}

int weights_put(struct stream_writer *w, const char *prefix, const struct params *p)
{
	for (int i = 0; i < p->n; i++) {
		char *name = xasprintf("%s%s", prefix, p->v[i].name);
		int err = weights_put_tensor(w, name, p->v[i].t);
		free(name);
		if (err < 0)
			return -1;
	}
	return 0;
}

double weights_bytes(const struct params *p)
{
	double n = 0;
	for (int i = 0; i < p->n; i++)
		n += (double)tensor_numel(p->v[i].t);
	return n * sizeof(float);
}

const char *weights_not_finite(const struct params *p)
{
	const char *name = NULL;
	struct array a;
	for (int i = 0; i < p->n && !name; i++) {
		if (weights_array(&a, p->v[i].name, p->v[i].t) < 0)
			return NULL;
		name = array_finite(&a) ? NULL : p->v[i].name;
		fd2_array_free(&a);
	}
	return name;
}

void weights_begin(struct weights_in *in, const struct params *p)
{
	*in = (struct weights_in){p, xcalloc((size_t)p->n, sizeof(bool))};
}

static char *shape_text(int rank, const int64_t *shape)
{
	char *text = xstrdup("[");
	for (int i = 0; i < rank; i++) {
		char *longer = xasprintf("%s%s%lld", text, i ? "," : "", (long long)shape[i]);
		free(text);
		text = longer;
	}
	char *whole = xasprintf("%s]", text);
	free(text);
	return whole;
}

static int other_shape(const char *name, const struct array *a, const Tensor *want)
{
	int64_t shape[TENSOR_RANK_MAX];
	for (int i = 0; i < tensor_rank(want); i++)
		shape[i] = tensor_size(want, i);
	char *have = shape_text(a->rank, a->shape),
	     *expected = shape_text(tensor_rank(want), shape);
	fail("'%s' is %s, expected %s", name, have, expected);
	free(have);
	free(expected);
	return -1;
}

static bool same_shape(const struct array *a, const Tensor *t)
{
	bool same = a->rank == tensor_rank(t);
	for (int i = 0; same && i < a->rank; i++)
		same = a->shape[i] == tensor_size(t, i);
	return same;
}

int weights_take(struct weights_in *in, const char *name, const struct array *a)
{
	for (int i = 0; i < in->params->n; i++) {
		if (strcmp(in->params->v[i].name, name))
			continue;
		Tensor *t = in->params->v[i].t;
		if (!same_shape(a, t))
			return other_shape(name, a, t);
		if (!array_finite(a))
			return fail("tensor '%s' is not finite", name);
		tensor_scope_begin(NO_GRAD);
		tensor_copy_(t, weights_tensor(a));
		tensor_scope_end();
		in->seen[i] = true;
		return 1;
	}
	return 0;
}

int weights_whole(struct weights_in *in)
{
	int err = 0;
	for (int i = 0; i < in->params->n && !err; i++)
		if (!in->seen[i])
			err = fail("no tensor '%s'", in->params->v[i].name);
	free(in->seen);
	return err;
}
