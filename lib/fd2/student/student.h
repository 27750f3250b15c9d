/* One student: a plain backbone that learns from distilled images, and what it has reached
 * (fd2-method(7), STUDENTS). */
#ifndef FD2_STUDENT_H
#define FD2_STUDENT_H
#include "formats/digest.h"
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/batch/late.h"
#include "lib/fd2/student/eval.h"
#include "lib/fd2/batch/measures.h"
#include "lib/nn/backbone.h"
#include "lib/nn/ema.h"
#include "lib/nn/optim.h"
#include "lib/torch/replay.h"

struct student {
	const struct student_plan *plan;
	struct backbone net;
	struct optim optim;
	/* digest of --init */
	char init[DIGEST_HEX];
	double lr;         /* at the start */
	double loss;       /* sum over the samples of the epoch's steps, when it has ended */
	long samples;      /* how many these are */
	struct scores now; /* of the last measurement */
	struct hits best;  /* of the validation with the highest top-1; the first of equals */
	int best_epoch;    /* 0: none yet */
	struct ema *kept;  /* its weights then, if they are measured again; or NULL */
	int epoch;         /* of the last step, from 0 */
	double seconds;    /* of its own steps and measurements */
	Replay *replay;    /* of its steps on full batches */
	Tensor *keep[2];   /* their dropout masks, of each half */
	Tensor *lost;      /* [2]: the last step's losses, of each half */
	struct late late;  /* reads `lost` */
	int halves[2];     /* samples of each, in the step whose losses are not read yet */
};

/* A batch, rendered once for all students. */
struct lesson {
	const Tensor *x;       /* [n,3,S,S] in the type of arithmetic */
	const Tensor *teacher; /* logits of its samples, f16 [n,K]; NULL: the next ones count */
	const Tensor *soft;    /* probabilities f32 [n,K] instead, or NULL */
	const Tensor *labels;  /* i64 [n], or NULL */
	int n;
	int parts; /* halves in which the teacher saw it, for the BatchNorms' statistics, or 1 */
	int epoch, number;
	bool again; /* its tensors are those of all lessons that have this set */
	const struct student_learning *how;
};

/* keep: the parameters of the best validation are kept. -1: fail_message. */
int student_init(struct student *s, const struct student_plan *plan,
    const struct student_learning *how, const char *const *class_names, int classes, int size,
    bool keep);
void student_free(struct student *s);
/* One step of its optimiser on the mean loss of the batch. -1: fail_message. */
int student_step(struct student *s, const struct lesson *lesson, double lr);
/* Completes `loss`, which lacks the last step's. -1: fail_message, also where it is not finite. */
int student_settle(struct student *s);
/* The mean loss of the epoch's steps. */
double student_loss(const struct student *s);
/* logits [N,K] of x [N,3,H,W], by the running statistics */
Tensor *student_logits(const struct student *s, const Tensor *x);
/* Compares what was counted in `now` after epoch e with the best. */
void student_compare(struct student *s, int e);
#endif
