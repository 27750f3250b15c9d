#include "lib/fd2/teacher/teachers.h"

#include "lib/base/err.h"
#include "lib/fd2/batch/batch.h"

int teachers_read(struct teachers *t, const struct opt_list *paths)
{
	*t = (struct teachers){.n = 0};
	if (paths->n > TEACHERS_MAX)
		return fail("%d teachers were given; at most %d can be", paths->n, TEACHERS_MAX);
	for (int i = 0; i < paths->n; i++) {
		if (teacher_read(&t->v[i], paths->v[i]) < 0)
			return -1;
		t->n++;
		params_freeze(&t->v[i].backbone.params, arithmetic());
		if (teachers_agree(paths->v[0], &t->v[0], paths->v[i], &t->v[i]) < 0)
			return -1;
	}
	return 0;
}

void teachers_free(struct teachers *t)
{
	for (int i = 0; i < t->n; i++)
		teacher_free(&t->v[i]);
	*t = (struct teachers){.n = 0};
}

void teachers_describe(const struct teachers *t, json_t *inputs)
{
	json_t *digests = json_array();
	for (int i = 0; i < t->n; i++)
		json_array_append_new(digests, json_string(t->v[i].digest));
	if (t->n > 1)
		json_object_set(inputs, "teachers", digests);
	else
		json_object_set(inputs, "teacher", json_array_get(digests, 0));
	json_decref(digests);
}
