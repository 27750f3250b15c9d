/* A step's pass through its teacher, as the losses see it. */
#ifndef FD2_STEP_PASS_H
#define FD2_STEP_PASS_H
#include "lib/fd2/distill/bn-loss.h"
#include "lib/fd2/distill/distill-teachers.h"
#include "lib/fd2/distill/layer-loss.h"
#include "lib/fd2/distill/moving.h"
#include "lib/fd2/distill/step-view.h"

/* The first dimension counts images: N = indices * n, the n classes of the first index, then those
 * of the next. */
struct step_pass {
	const struct distill_teacher *teacher; /* the one whose turn it is */
	int turn;                              /* its index */
	int indices;
	int first, classes;    /* the first class; n */
	const Tensor *labels;  /* i64 [N] */
	struct view_size size; /* of the phase */
	const Tensor *x;       /* [N,3,image,image] f32, normalised: the images to learn */
	const Tensor *views;   /* tensor_views, one per index */
	const Tensor *seen;    /* [N,3,seen,seen], x through the views, in the arithmetic's type */
	const Tensor *F;       /* [N,C,h,w], features of `seen`, in the same type */
	const Tensor *A;       /* [N,M,h,w] f32, attention in `seen`; NULL with --plain */
	const Tensor *p_bb;    /* [N,K] f32, logits of the backbone branch */
	const struct bn_statistics *statistics; /* of `seen`, a group per index; with
	                                           CLASSES_EACH, a group per image */
	const struct conv_statistics *convs;    /* likewise, a group per index; or empty */
	struct moving *moving;                  /* the teacher's averages */
	Tensor *smooth;                         /* x averaged over steps, for flatness; or NULL */
};

struct learner;
struct learning;
/* Passes the images through teacher `turn`. */
struct step_pass step_pass(const struct learner *l, struct learning *g, int turn);
/* Allocates what the steps of a phase keep; call before its first step. */
void step_allocate(const struct learner *l, struct learning *g);
#endif
