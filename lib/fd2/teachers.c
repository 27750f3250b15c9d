#include "lib/fd2/teachers.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/fd2/batch.h"

static int weigh(struct teachers *t, const struct opt_numbers *weights)
{
	double sum = 0;
	t->weights = xcalloc((size_t)t->n, sizeof *t->weights);
	for (int i = 0; i < t->n; i++)
		sum += t->weights[i] = weights->n ? weights->v[i] : 1;
	if (!(sum > 0))
		return fail("all teachers have weight 0");
	for (int i = 0; i < t->n; i++)
		t->weights[i] /= sum;
	return 0;
}

int teachers_read(struct teachers *t, const struct opt_list *paths, const struct opt_numbers *weights)
{
	*t = (struct teachers){.v = xcalloc((size_t)paths->n, sizeof *t->v)};
	for (int i = 0; i < paths->n; i++) {
		if (teacher_read(&t->v[i], paths->v[i]) < 0)
			return -1;
		t->n++;
		params_freeze(&t->v[i].backbone.params, arithmetic());
		if (teachers_agree(paths->v[0], &t->v[0], paths->v[i], &t->v[i]) < 0)
			return -1;
	}
	return weigh(t, weights);
}

void teachers_free(struct teachers *t)
{
	for (int i = 0; i < t->n; i++)
		teacher_free(&t->v[i]);
	free(t->v);
	free(t->weights);
	*t = (struct teachers){0};
}

void teachers_to_meta(const struct teachers *t, const char *images, json_t *meta)
{
	json_t *digests = json_array(), *inputs = json_pack("{s:s}", "images", images);
	for (int i = 0; i < t->n; i++)
		json_array_append_new(digests, json_string(t->v[i].digest));
	if (t->n > 1)
		json_object_set(inputs, "teachers", digests);
	else
		json_object_set(inputs, "teacher", json_array_get(digests, 0));
	json_decref(digests);
	json_object_set_new(meta, "inputs", inputs);
	json_object_set_new(meta, "weights", numbers_to_json(t->weights, t->n));
}
