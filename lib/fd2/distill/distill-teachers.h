/* The distillation teachers, each with what FD2's constraints and the methods need of it. */
#ifndef FD2_DISTILL_TEACHERS_H
#define FD2_DISTILL_TEACHERS_H
#include "formats/digest.h"
#include "lib/fd2/distill/targets.h"
#include "lib/fd2/teacher/teachers.h"

struct distill_teachers_config {
	struct opt_list paths, protos; /* protos: none, or one for each teacher */
	struct opt_list statistics;    /* likewise */
	double alpha;                  /* in Eq. 11; below 0: each teacher's own */
};

struct distill_teacher {
	const struct teacher *teacher;
	Tensor *prototypes;      /* [K, M*C] f32 */
	char digest[DIGEST_HEX]; /* of the prototypes' stream; "" for those in the teacher */
	double alpha;            /* in Eq. 11 */
	struct targets targets;
};

/* All agree on classes, size and normalisation, so these are taken from the first one. */
struct distill_teachers {
	struct teachers read; /* owns them */
	int n;
	struct distill_teacher v[TEACHERS_MAX];
};

/* Reads the teachers and, unless `plain`, their prototypes. -1: fail_message. */
int distill_teachers_read(
    struct distill_teachers *t, const struct distill_teachers_config *config, bool plain);
/* Reads the statistics of each teacher's layers; convs: also those of convolutions. -1:
 * fail_message. */
int distill_teachers_read_targets(
    struct distill_teachers *t, const struct distill_teachers_config *config, bool convs);
void distill_teachers_free(struct distill_teachers *t);
/* Adds the digests of teachers, prototypes and statistics to an output's inputs. */
void distill_teachers_describe(const struct distill_teachers *t, json_t *inputs);
/* Checks that stream s, from `path`, holds `what` of teacher t. -1: fail_message, also if it does
 * not say which teacher it is of. */
int distill_check_made_with(struct stream_reader *s, const char *path, const char *what,
    const struct teacher *t, const char *teacher_path);
/* Returns the index of the teacher with that digest (NULL: unknown). -1: fail_message; `path` holds
 * attention of another teacher. */
int distill_teachers_find(const struct distill_teachers *t, const char *digest, const char *path);
#endif
