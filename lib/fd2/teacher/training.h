/* A teacher in training: what the files of fd2-teacher's stage share. */
#ifndef FD2_TRAINING_H
#define FD2_TRAINING_H
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/batch/late.h"
#include "lib/fd2/batch/measures.h"
#include "lib/fd2/teacher/teacher.h"
#include "lib/fd2/teacher/train-teacher.h"
#include "lib/nn/checkpoint.h"
#include "lib/nn/ema.h"
#include "lib/nn/optim.h"

/* The branches of a teacher. */
enum { BACKBONE, CAL, BRANCHES };

/* The epoch with the highest mean accuracy of both branches; epoch 0: none yet. */
struct best {
	long epoch;
	double top1[BRANCHES]; /* 0 to 1 */
};

struct training {
	const struct teacher_config *config;
	struct teacher teacher;
	struct optim optim;
	struct ema ema; /* with --ema */
	struct dataset train, val;
	struct trained trained;
	struct checkpoint checkpoint;
	char init[DIGEST_HEX]; /* digest of --init */

	/* progress: finished epochs, and finished steps of the next one */
	long epoch, step;
	struct {
		double loss, center; /* sums over the images */
		struct hits hits[BRANCHES];
	} sums;                         /* of the epoch so far */
	struct hits val_hits[BRANCHES]; /* of the last validation */
	struct best best;
	/* epochs of the teacher that is extended, and its digest; 0 and "": a new one */
	long first;
	char extended[DIGEST_HEX];

	/* what a step works with */
	enum scalar type;
	struct batch batch;
	/* crops and drops of --cal-augment [2 batch][size][size][3] */
	float *guided;
	uint32_t *order;  /* order of the images in the epoch */
	struct late late; /* results of the last step */
};

/* teacher-step.c */
int step_init(struct training *t);
void step_free(struct training *t);
/* Draws the order of the images in the coming epoch. */
void step_begin_epoch(struct training *t);
/* Returns the steps of an epoch. A last batch of one image is left out: it has no variance to
 * normalise by. */
long steps_of_epoch(const struct training *t);
/* Returns the learning rate of a step of the current epoch. */
double rate_at(const struct training *t, long step);
/* Takes step t->step and increments it. Its results are in t->sums after the next step, or after
 * step_settle. -1: fail_message, also if the loss is not finite. */
int step_take(struct training *t);
int step_settle(struct training *t);

/* teacher-results.c: called after an epoch's last step; `number` is the epoch, from 1. */
/* Validates and reports, keeps the best. Returns STOPPED if a signal came meanwhile. */
int results_measure(struct training *t, long number);
/* Validates a few images, for the plan, and returns how many. -1: fail_message. */
int results_measure_some(struct training *t);
int results_write(struct training *t, const char *path, long number);
void results_print_table(const struct training *t);
/* Returns the digests of what training reads: a new reference. */
json_t *results_inputs(const struct training *t);

/* teacher-resume.c */
/* 1: --resume found the work done, and said so; 0: there is work to do; -1: fail_message, the
 * finished teacher was made with other settings. */
int training_finished(const struct training *t);
/* With --extend: takes over the weights of the finished teacher, before the optimiser is built. */
int training_extend(struct training *t);
/* Restores the state of an interrupted run. */
int training_load(struct training *t);
/* Saves the state between two steps. */
int training_save(struct training *t);
/* After a signal: saves the state and returns -1, with a message that says how to go on. */
int training_stop(struct training *t);
#endif
