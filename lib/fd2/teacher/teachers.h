/* Several teachers that see the same batches: they agree in classes, size and normalisation. */
#ifndef FD2_TEACHERS_H
#define FD2_TEACHERS_H
#include "lib/base/opts.h"
#include "lib/fd2/teacher/teacher.h"

enum { TEACHERS_MAX = 16 };

struct teachers {
	struct teacher v[TEACHERS_MAX]; /* frozen */
	int n;
};

/* Reads paths->n >= 1 teachers. -1: fail_message, also if two differ in classes, size, mean or
 * std. */
int teachers_read(struct teachers *t, const struct opt_list *paths);
void teachers_free(struct teachers *t);
/* Adds "teacher": digest, or "teachers": digests if there are several, to an output's inputs. */
void teachers_describe(const struct teachers *t, json_t *inputs);
#endif
