/* One student: a plain backbone that learns from distilled images, and its results so far
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
	double lr;    /* learning rate at the start */
	double loss;  /* sum over the samples of the epoch's steps; complete after student_settle */
	long samples; /* number of these samples */
	struct scores now; /* scores of the last measurement */
	struct hits best;  /* of the validation with the highest top-1; the first of equals */
	int best_epoch;    /* 0: none yet */
	struct ema *kept;  /* the weights at that validation, if they are measured again; or NULL */
	int epoch;         /* of the last step, from 0 */
	double seconds;    /* spent on its own steps and measurements */
	Replay *replay;    /* replays its steps on full batches */
	Tensor *keep[2];   /* dropout masks of full batches, one per half */
	Tensor *lost;      /* [2]: the last step's losses, one per half */
	struct late late;  /* reads `lost` */
	int halves[2];     /* samples per half in the step whose losses are not read yet */
};

/* A batch, rendered once for all students. */
struct lesson {
	const Tensor *x;       /* [n,3,S,S] in the type of arithmetic */
	const Tensor *teacher; /* its logits, f16 [n,K]; NULL: learn from soft or labels */
	const Tensor *soft;    /* probabilities f32 [n,K] to learn from, or NULL */
	const Tensor *labels;  /* i64 [n], or NULL */
	int n;
	int parts; /* 2: the teacher saw the batch in halves, each with its own BatchNorm
	              statistics; else 1 */
	int epoch, number;
	bool again; /* its tensors are shared by all lessons with this set */
	const struct student_learning *how;
};

/* keep: also keep the parameters of the best validation. -1: fail_message. */
int student_init(struct student *s, const struct student_plan *plan,
    const struct student_learning *how, const char *const *class_names, int classes, int size,
    bool keep);
void student_free(struct student *s);
/* Takes one step of the optimiser on the batch's mean loss. -1: fail_message. */
int student_step(struct student *s, const struct lesson *lesson, double lr);
/* Adds the last step's loss to `loss`. -1: fail_message, also if it is not finite. */
int student_settle(struct student *s);
/* Returns the mean loss of the epoch's steps. */
double student_loss(const struct student *s);
/* Returns the logits [N,K] of x [N,3,H,W], with running statistics. */
Tensor *student_logits(const struct student *s, const Tensor *x);
/* Compares the scores in `now`, counted after epoch e, with the best so far. */
void student_compare(struct student *s, int e);
#endif
