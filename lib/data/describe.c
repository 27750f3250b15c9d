#include "lib/data/describe.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/names.h"

struct summary {
	double min, max, sum;
	int64_t finite, others;
};

static struct summary summarise(const struct array *a)
{
	struct summary s = {.min = DBL_MAX, .max = -DBL_MAX};
	for (int64_t i = 0, n = fd2_array_count(a); i < n; i++) {
		double v = fd2_array_at(a, i);
		if (!isfinite(v)) {
			s.others++;
			continue;
		}
		s.finite++;
		s.sum += v;
		s.min = fmin(s.min, v);
		s.max = fmax(s.max, v);
	}
	return s;
}

void describe_head(void)
{
	printf("%-40s %-4s %-18s %11s %11s %11s\n", "name", "type", "shape", "min", "mean", "max");
}

void describe(const struct array *a)
{
	char shape[160] = "[";
	for (int i = 0; i < a->rank; i++) {
		size_t n = strlen(shape);
		snprintf(shape + n, sizeof shape - n, i ? ",%lld" : "%lld", (long long)a->shape[i]);
	}
	struct summary s = summarise(a);
	printf("%-40s %-4s %-18s", a->name, fd2_dtype_name(a->dtype), strcat(shape, "]"));
	if (s.finite)
		printf(" %11.4g %11.4g %11.4g", s.min, s.sum / (double)s.finite, s.max);
	if (s.others)
		printf("  %lld not finite", (long long)s.others);
	putchar('\n');
}

json_t *describe_json(const struct array *a)
{
	struct summary s = summarise(a);
	json_t *shape = json_array();
	for (int i = 0; i < a->rank; i++)
		json_array_append_new(shape, json_integer(a->shape[i]));
	char *name = name_utf8(a->name);
	json_t *o = json_pack(
	    "{s:s, s:s, s:o}", "name", name, "dtype", fd2_dtype_name(a->dtype), "shape", shape);
	free(name);
	if (s.finite) {
		json_object_set_new(o, "min", json_real(s.min));
		json_object_set_new(o, "mean", json_real(s.sum / (double)s.finite));
		json_object_set_new(o, "max", json_real(s.max));
	}
	if (s.others)
		json_object_set_new(o, "not_finite", json_integer(s.others));
	return o;
}

/* Prints integers as such: they have up to 19 digits, and a double keeps 15. */
static void print_element(const struct array *a, int64_t i)
{
	if (a->dtype == DT_I64)
		printf("%lld", (long long)((const int64_t *)a->data)[i]);
	else
		printf("%.*g",
		    a->dtype == DT_F64   ? 17
		    : a->dtype == DT_I32 ? 10
		                         : 9,
		    fd2_array_at(a, i));
}

void describe_values(const struct array *a)
{
	int64_t n = fd2_array_count(a), row = a->rank ? a->shape[a->rank - 1] : 1,
	        rows = a->rank > 1 ? a->shape[a->rank - 2] : 1;
	for (int64_t i = 0; i < n; i++) {
		if (i && i % (row * rows) == 0 && a->rank > 2)
			putchar('\n');
		print_element(a, i);
		putchar((i + 1) % row ? ' ' : '\n');
	}
}
