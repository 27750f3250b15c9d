/* The statistics of a teacher's layers for photographs, which the images should match. */
#ifndef FD2_TARGETS_H
#define FD2_TARGETS_H
#include "formats/digest.h"
#include "lib/fd2/teacher/layer-statistics.h"
#include "lib/fd2/teacher/teacher.h"

/* Statistics of one layer, f32. */
struct target {
	const Tensor *all[STATISTICS];      /* [C], [P] of patches; a BatchNorm's running ones */
	const Tensor *of_class[STATISTICS]; /* [K,C], [K,P]; NULL: unknown */
};

struct targets {
	struct target *bn, *conv; /* by the layers' index */
	char digest[DIGEST_HEX];  /* of the stream that was read; "": none was */
};

/* Sets the targets that the teacher itself has: the running statistics. */
void targets_init(struct targets *g, const struct teacher *t);
/* Adds those in a stream of fd2-protos --statistics. -1: fail_message, also if it lacks a BatchNorm
 * or, if `convs`, a convolution of the backbone. */
int targets_read(struct targets *g, const struct teacher *t, const char *path,
    const char *teacher_path, bool convs);
void targets_free(struct targets *g);
#endif
