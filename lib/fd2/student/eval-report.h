/* Writes JSON lines about measured networks, and --report's lines: classes, confusion and
 * calibration. */
#ifndef FD2_EVAL_REPORT_H
#define FD2_EVAL_REPORT_H
#include <jansson.h>

#include "lib/base/out.h"
#include "lib/fd2/batch/measures.h"

/* Returns o as one line of JSON, with six digits. The caller frees it. */
char *json_text(const json_t *o);
/* Writes v without its first `head` and last `tail` characters, and frees it. */
int put_json(struct out *out, json_t *v, size_t head, size_t tail);
int put_text(struct out *out, const char *text);
/* Moves the contents of `more` into o, like json_object_update_new of jansson 2.13. */
void move_into(json_t *o, json_t *more);

/* Writes one network's line of --report. Frees head, which says which network and names the
 * classes. */
int put_report(struct out *out, json_t *head, const struct scores *s);
#endif
