/* The face of lib/fd2/teacher: a backbone with CAL and its classifier, one struct for every stage
 * that uses it.
 *
 * train-teacher.h trains one (cal-augment.h: guided crops); import-teacher.h makes one from another
 * program's weights. teacher_read reads one, teachers.h several at once. teacher_forward is one
 * pass, with cal.h for the attention; losses.h has the losses of all stages, one per equation.
 * protos.h and attn.h are stages that ask a teacher about images, with attention.h and features.h.
 *
 * A teacher owns its parameters and class names until teacher_free; the tensors of a pass belong to
 * the scope in which it was made. */
#ifndef FD2_TEACHER_H
#define FD2_TEACHER_H
#include <jansson.h>

#include "formats/digest.h"
#include "formats/stream/stream.h"
#include "lib/data/dataset.h"
#include "lib/fd2/teacher/cal.h"
#include "lib/image/view.h"
#include "lib/nn/backbone.h"

struct teacher {
	struct backbone backbone; /* its params hold CAL's too, below "cal." */
	struct cal cal;           /* maps 0: a classifier without CAL */
	/* the stream's meta: how to rebuild it, and what its inputs look like */
	int classes, size, last_stride;
	char **class_names;
	struct normal normal;
	double alpha;
	enum fit fit; /* how photographs are resized for it */
	/* digest of the stream it was read from; "" for a new one */
	char digest[DIGEST_HEX];
};

/* Builds a new teacher: fills backbone and cal; the caller has filled the rest. -1:
 * fail_message. */
int teacher_init(struct teacher *t, const char *arch, int maps, uint64_t seed);
/* Reads "teacher" streams; `path` NULL is standard input. -1: fail_message names the file and
 * what is missing. */
int teacher_read(struct teacher *t, const char *path);
/* Writes the teacher to out and closes it. Steals provenance, and adds the teacher's meta to it. */
int teacher_write(const struct teacher *t, struct out *out, json_t *provenance);
/* Fills a built teacher's tensors from a stream whose header was read. -1: one is missing, unknown,
 * of another shape or not finite. */
int teacher_read_tensors(struct teacher *t, struct stream_reader *r);
void teacher_free(struct teacher *t);
/* Checks that the teacher has CAL. -1: fail_message. */
int teacher_check_cal(const struct teacher *t, const char *path);

/* Results of one pass through the teacher (Eq. 3, 4, 7); without CAL only F and p_bb. */
struct teacher_out {
	Tensor *F;     /* [B,C,h,w] in the pass's type */
	Tensor *A;     /* [B,M,h,w] f32 */
	Tensor *z;     /* [B,M*C] f32 */
	Tensor *p_bb;  /* [B,K] f32 */
	Tensor *p_raw; /* [B,K] f32: p_cal of Eq. 11 */
};
/* Runs x [B,3,H,W], normalised, in the type of the arithmetic, through the teacher. pass->on_bn
 * sees the attention head's BatchNorm, &t->cal.bn, last. */
struct teacher_out teacher_forward(
    const struct teacher *t, const Tensor *x, const struct pass *pass);
/* Returns p_eff = p_raw - W z^ (Eq. 4); counterfactual is A-bar [B,M,h,w], NULL for all ones
 * (evaluation). */
Tensor *teacher_effect(
    const struct teacher *t, const struct teacher_out *o, const Tensor *counterfactual);

/* Returns the options for reading images of its classes. */
struct dataset_options teacher_dataset(const struct teacher *t);
/* Checks that both lists are the same. -1: fail_message ("classes differ: ..."). */
int classes_agree(
    const char *what_a, char *const *a, int n_a, const char *what_b, const char *const *b, int n_b);
/* Checks that one batch of images can pass through both: the same classes, size and normalisation.
 * -1: fail_message. */
int teachers_agree(
    const char *path_a, const struct teacher *a, const char *path_b, const struct teacher *b);
#endif
