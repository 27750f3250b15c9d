#include "lib/data/soft-label.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/base/err.h"

enum { JSON_MAX = 4 << 20 }; /* bytes: enough for a hundred thousand classes */

char *soft_label_to_json(const float *p, int n)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		die("out of memory");
	fprintf(f, "{\"soft_label\":[");
	for (int i = 0; i < n; i++)
		fprintf(f, "%s%.9g", i ? "," : "", (double)p[i]);
	fprintf(f, "]}\n");
	if (fclose(f))
		die("out of memory");
	return text;
}

static int take(const json_t *list, float *p, int n)
{
	double sum = 0;
	for (int i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, (size_t)i);
		p[i] = (float)json_number_value(v);
		if (!json_is_number(v) || !(p[i] >= 0 && p[i] <= 1))
			return fail("entry %d of its soft_label is not a probability", i);
		sum += (double)p[i];
	}
	return fabs(sum - 1) < 1e-3 ? 0 : fail("its soft_label has the sum %g, not 1", sum);
}

int soft_label_from_json(const uint8_t *json, size_t size, float **p, int *n)
{
	bool fits = size <= JSON_MAX;
	json_t *o =
	    json && fits ? json_loadb((const char *)json, size, JSON_ALLOW_NUL, NULL) : NULL;
	const json_t *list = json_object_get(o, "soft_label");
	int err = !fits                 ? fail("its .json is larger than 4 MiB")
	          : json_is_array(list) ? 0
	                                : fail("it has no soft_label");
	*n = (int)json_array_size(list);
	*p = xcalloc((size_t)*n + 1, sizeof **p);
	if (!err)
		err = take(list, *p, *n);
	json_decref(o);
	return err;
}
