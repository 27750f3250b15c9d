/* What a teacher's layers get of photographs, which images are to give them too. */
#ifndef FD2_TARGETS_H
#define FD2_TARGETS_H
#include "formats/digest.h"
#include "lib/fd2/teacher/layer-statistics.h"
#include "lib/fd2/teacher/teacher.h"

/* Of one layer: f32 [C], [P] of patches. Of a BatchNorm `all` are the running statistics. */
struct target {
	const Tensor *all[STATISTICS];
	const Tensor *of_class[STATISTICS]; /* [K,C], [K,P]; NULL: unknown */
};

struct targets {
	struct target *bn, *conv; /* by their index */
	char digest[DIGEST_HEX];  /* of their stream; "": of the teacher itself */
};

/* Of the teacher itself: the running statistics. */
void targets_init(struct targets *g, const struct teacher *t);
/* Adds those of a stream of fd2-protos --statistics. -1: fail_message, also where it lacks a
 * BatchNorm or, if `convs`, a convolution of the backbone. */
int targets_read(struct targets *g, const struct teacher *t, const char *path,
    const char *teacher_path, bool convs);
void targets_free(struct targets *g);
#endif
