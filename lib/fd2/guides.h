/* The teachers that guide a distillation, each with what FD2's constraints take from it. */
#ifndef FD2_GUIDES_H
#define FD2_GUIDES_H
#include "lib/fd2/jobs.h"
#include "lib/fd2/teacher.h"

enum { GUIDES_MAX = 16 };

struct guide {
	struct teacher teacher; /* frozen */
	Tensor *prototypes;     /* [K, M*C] f32 */
	double alpha;           /* of Eq. 11 */
};

struct guides {
	struct guide v[GUIDES_MAX];
	int n;
};

/* Reads the job's teachers, which must agree on classes, size and normalisation, and their prototypes. -1: fail_message. */
int guides_read(struct guides *g, const struct distill_job *job);
void guides_free(struct guides *g);
/* The index of the teacher with that digest (NULL: unknown), or -1: '`path`' holds `what` of another teacher. */
int guides_find(const struct guides *g, const char *digest, const char *path, const char *what);
#endif
