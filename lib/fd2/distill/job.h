/* What fd2-distill asks of this folder: settings, and the stage that follows them. Paths are as
 * on the command line; n_shards = 0 is standard input. Every stage returns 0, or -1 with
 * fail_message(). */
#ifndef FD2_DISTILL_JOB_H
#define FD2_DISTILL_JOB_H
#include "lib/base/opts.h"
#include "lib/fd2/distill/methods.h"
#include "lib/fd2/select/patches.h"
#include "lib/fd2/teacher/losses.h"

/* In which view L_S compares the current image's attention with that of earlier ones
 * (fd2-method(7), CONSTRAINTS). */
enum ls_view {
	LS_PLAIN, /* the current image as it is, with the earlier maps as stored: one more pass */
	LS_SAME,  /* the earlier images seen through the step's view */
	LS_ONCE, /* the earlier images augmented once, then held; the step's view of the current one
	          */
	LS_LITERAL, /* the step's view, with the earlier maps as stored */
};
#define LS_VIEW_CHOICES "plain|same|once|literal"

/* fd2-distill: teacher, prototypes, shards of real images -> distilled shard */
struct distill_job {
	char **shards;
	int n_shards;
	struct opt_list teachers, protos, attn; /* protos: none, or one for each teacher */
	const char *previous, *out, *init_images;
	enum method_place method;
	enum start init;
	enum bn_form bn_form;
	enum ls_view ls_view;
	enum difficulty difficulty;
	enum { OTHER_BN, OTHER_FULL } other; /* L_other: the BN term, or its cross-entropy too */
	enum { PIXELS_JPEG, PIXELS_F16 } pixels; /* PIXELS_F16: a .npy member as well */
	long ipc, id, group, together, batch, steps, ls_every, crops, quality, log_every, cache;
	struct opt_range classes;
	struct opt_ints sizes;
	/* alpha < 0: the teacher's; steps OPT_UNSET, lr, r_bn, residual NAN, init START_UNSET,
	 * sizes empty: the method's */
	double alpha, beta, lambda, lr, r_bn, residual, min_scale;
	bool plain, bn_head, no_lf, no_ls, resume, strict;
};
int stage_distill(const struct distill_job *job);
#endif
