/* JSON lines of networks that were measured, and --report's: classes, confusion and calibration. */
#ifndef FD2_EVAL_REPORT_H
#define FD2_EVAL_REPORT_H
#include <jansson.h>

#include "lib/base/out.h"
#include "lib/fd2/batch/measures.h"

/* On one line, with six digits. To be freed. */
char *json_text(const json_t *o);
/* Writes a value, which it frees, without its first `head` and last `tail` characters. */
int put_json(struct out *out, json_t *v, size_t head, size_t tail);
int put_text(struct out *out, const char *text);
/* Moves what `more` holds into o. json_object_update_new does so, since jansson 2.13. */
void move_into(json_t *o, json_t *more);

/* One network's line of --report. head, which it frees, says which network and names the
 * classes. */
int put_report(struct out *out, json_t *head, const struct scores *s);
#endif
