/* The teachers that guide a distillation, each with what FD2's constraints take from it. */
#ifndef FD2_GUIDES_H
#define FD2_GUIDES_H
#include "lib/fd2/distill/job.h"
#include "lib/fd2/teacher/teachers.h"

struct guide {
	const struct teacher *teacher;
	Tensor *prototypes; /* [K, M*C] f32 */
	char digest[17]; /* of the prototypes' stream; "" for those that the teacher gathered itself
	                  */
	double alpha;    /* of Eq. 11 */
};

struct guides {
	struct teachers teachers;
	struct guide v[TEACHERS_MAX]; /* one for each of them */
};

/* Reads the job's teachers and their prototypes. -1: fail_message. */
int guides_read(struct guides *g, const struct distill_job *job);
void guides_free(struct guides *g);
/* Adds the digests of teachers and prototypes to an output's inputs. */
void guides_describe(const struct guides *g, json_t *inputs);
/* The index of the teacher with that digest (NULL: unknown), or -1: '`path`' holds `what` of
 * another teacher. */
int guides_find(const struct guides *g, const char *digest, const char *path, const char *what);
#endif
