/* A distillation on its way, and one block of it: the images of one index, of a batch of
 * classes, learned together. */
#ifndef FD2_BLOCK_H
#define FD2_BLOCK_H
#include "lib/fd2/distill/earlier.h"
#include "lib/fd2/distill/initial.h"

struct distill {
	const struct distill_job *job;
	struct method method; /* with the options' values */
	struct guides guides;
	struct initial initial;
	struct earlier earlier;
	enum ls_view ls_view;
	enum bn_form bn_form;
	long steps_done; /* of all blocks */
};

/* Loss terms of a step, by name in the log; NaN where one is off. */
enum term {
	TERM_TOTAL, /* Eq. 12, or the base method's own loss with --plain */
	TERM_BN,    /* weighted */
	TERM_CE,
	TERM_CLS, /* Eq. 11 */
	TERM_F,   /* Eq. 9 */
	TERM_S,   /* Eq. 10 */
	TERM_SUM, /* of the block's totals so far: not finite from the first one on that is not */
	TERMS,
};

enum { TOGETHER_MAX = 64 };

/* The first dimension of its tensors counts images: N = indices * n, those of the first index,
 * then those of the next. Indices of one block do not depend on one another: each has its own
 * view and its own BatchNorm statistics, and all have as many earlier images. */
struct block {
	int first, n;                   /* classes first .. first+n-1 */
	int indices, ids[TOGETHER_MAX]; /* images, from 1 */
	Tensor *labels;
	Tensor *start; /* [N,3,S,S] f32, normalised: what the images begin as; NULL once no part
	                  needs it */
	Tensor *x;     /* [N,3,d,d] f32, normalised, d the part's size: what is learned */
	Tensor *m, *v; /* Adam's, of this part */
	Tensor *views, *adam;          /* the numbers of the step, on the device */
	Tensor *earlier[TEACHERS_MAX]; /* maps [J,N,M,h,w] by each teacher, for this part; NULL for
	                                the first of a group, or without L_S */
	Tensor *earlier_images[TOGETHER_MAX]; /* for LS_SAME instead: [J*n,3,d,d] of each index */
	Replay *replays[TEACHERS_MAX]
	               [2]; /* this part's step with each teacher, without L_S and with it */
	Tensor *terms;      /* [TERMS] f32 of the last step: means over the indices */
	int part;           /* from 0; -1 before the first step */
	long part_begin;    /* its first step */
	double total;       /* as it was read last */
};

/* The numbers of a step. They are drawn beforehand, so that the step itself is tensors alone. */
struct step {
	long number;                           /* of the image, from 0 */
	int guide;                             /* whose turn it is */
	struct pixel_view views[TOGETHER_MAX]; /* of each index */
	double lr;
	long adam;    /* of the part, from 1 */
	bool similar; /* L_S is computed */
};

/* Makes the images of b, whose first, n, indices and ids are set: initial images, all steps, in
 * all parts. Then b->x is [N,3,S,S] with S the teachers' size. -1: fail_message. */
int block_make(struct distill *d, struct block *b);

/* One step, and what is read of it: the log's line, the progress, whether the loss is finite.
 * -1: fail_message. */
int block_step(struct distill *d, struct block *b, long number);

/* The terms that FD2 adds to the base method's (Eq. 9-11), for t. F: the pass's features. */
void constraints(const struct distill *d, const struct block *b, const struct step *s,
    const Tensor *F, const Tensor *p_bb, struct pass *pass, Tensor **t);
/* Whether a block of image `id` has L_S at all: not the first of a group. */
bool is_constrained_by_earlier(const struct distill *d, int id);
/* The view of index i of the block in its step, as tensor_step_view takes it. */
Tensor *block_view(const struct block *b, int i);
/* [J,n,...] of each index as [J,N,...]. */
Tensor *beside_each_other(Tensor **of, const struct block *b);
#endif
