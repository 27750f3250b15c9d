/* The similarity constraint L_S (Eq. 10): compares the attention of the current images with that of
 * their group history, in one of four views. */
#ifndef FD2_SIMILARITY_H
#define FD2_SIMILARITY_H
#include "lib/fd2/distill/history.h"
#include "lib/fd2/distill/step-pass.h"
#include "lib/fd2/distill/step-view.h"
#include "lib/fd2/teacher/losses.h"

/* Which views of the images L_S compares (fd2-method(7), CONSTRAINTS). */
enum ls_view {
	LS_PLAIN,   /* the current image as it is, the history as stored: one more pass */
	LS_SAME,    /* both through the step's view */
	LS_ONCE,    /* the current image through the step's view, the history through a fixed one */
	LS_LITERAL, /* the current image through the step's view, the history as stored */
};
#define LS_VIEW_CHOICES "plain|same|once|literal"

struct similarity {
	enum ls_view view;
	struct ls_form form;
	long every; /* LS_PLAIN: L_S only in every N-th step of a teacher */
	const struct distill_teachers *teachers;
	struct history *history;
	struct view_rule views; /* of the steps */
};

/* The history that the images of an index batch are compared with in one phase; initialise with
 * zeros. */
struct compared {
	Tensor *maps[TEACHERS_MAX];  /* [J,N,M,h,w] by each teacher; not for LS_SAME */
	Tensor *images[INDICES_MAX]; /* [J*n,3,image,image] for each index; LS_SAME and LS_ONCE */
};

/* Returns whether index batch b has L_S, that is, is not at the first place of its groups. */
bool similarity_applies(const struct similarity *s, const struct index_batch *b);
/* Returns whether step `number` of a batch with L_S computes it. */
bool similarity_in_step(const struct similarity *s, long number);
/* Checks that the history of b is complete. -1: fail_message. */
int similarity_check(const struct similarity *s, const struct index_batch *b);
/* Prepares c for a phase of b with that size. -1: fail_message; otherwise check tensor_error. */
int similarity_prepare(const struct similarity *s, struct compared *c, const struct index_batch *b,
    const struct view_size *size);
/* Returns L_S of a step. */
Tensor *similarity_loss(
    const struct similarity *s, const struct compared *c, const struct step_pass *p);
#endif
