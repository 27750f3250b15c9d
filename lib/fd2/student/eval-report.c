#include "lib/fd2/student/eval-report.h"

#include <stdlib.h>
#include <string.h>

char *json_text(const json_t *o)
{
	return json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
}

int put_json(struct out *out, json_t *v, size_t head, size_t tail)
{
	char *text = json_text(v);
	json_decref(v);
	int err = out_write(out, text + head, strlen(text) - head - tail);
	free(text);
	return err;
}

int put_text(struct out *out, const char *text)
{
	return out_write(out, text, strlen(text));
}

void move_into(json_t *o, json_t *more)
{
	json_object_update(o, more);
	json_decref(more);
}

/* The matrix is written row by row. */
int put_report(struct out *out, json_t *head, const struct scores *s)
{
	move_into(head, scores_of_classes(s));
	int err = put_json(out, head, 0, 1);
	if (!err)
		err = put_text(out, ",\"confusion\":[");
	for (int k = 0; k < s->classes && !err; k++) {
		err = k ? put_text(out, ",") : 0;
		if (!err)
			err = put_json(out, scores_confusion(s, k), 0, 0);
	}
	if (!err)
		err = put_text(out, "],");
	return err ? err
	           : put_json(out, json_pack("{s:o}", "calibration", scores_calibration(s)), 1, 0);
}
