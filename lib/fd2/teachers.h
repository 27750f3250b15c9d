/* Several teachers that look through one eye: the same classes, side and scale of pixels. */
#ifndef FD2_TEACHERS_H
#define FD2_TEACHERS_H
#include "lib/base/opts.h"
#include "lib/fd2/teacher.h"

struct teachers {
	struct teacher *v;
	double *weights; /* >= 0, their sum 1 */
	int n;
};

/* Reads paths->n >= 1 teachers. weights: none (all the same) or as many, >= 0. -1: fail_message, also where two differ in classes,
 * size, mean or std. */
int teachers_read(struct teachers *t, const struct opt_list *paths, const struct opt_numbers *weights);
void teachers_free(struct teachers *t);
/* Adds "inputs": {"images": digest, "teacher": digest} (with several "teachers": digests) and "weights". */
void teachers_to_meta(const struct teachers *t, const char *images, json_t *meta);
#endif
