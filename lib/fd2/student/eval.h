/* The face of lib/fd2/student: trains and measures students (fd2-eval; fd2-method(7), STUDENTS).
 * Labels, distilled shard and held-out shards -> a JSON line per student.
 *
 * eval-inputs.c reads everything but the epochs of labels, eval.c runs the epochs, eval-lesson.c
 * makes tensors of a batch, student.c takes one student's steps, eval-resume.c saves and restores
 * the state, and eval-results.c and eval-report.c write the results. eval-saved.c measures a
 * network that is already trained. */
#ifndef FD2_EVAL_H
#define FD2_EVAL_H
#include "lib/base/opts.h"
#include "lib/data/fit.h"

/* One student. */
struct student_plan {
	const char *arch;
	long seed; /* seeds its initial values and dropout */
	double lr; /* < 0: the architecture's own */
};

/* How all students learn. */
struct student_learning {
	const char *init; /* weights to start from; NULL: random ones */
	enum { OPTIMIZER_ADAMW, OPTIMIZER_SGD } optimizer;
	enum {
		STUDENT_SCHEDULE_COSINE,
		STUDENT_SCHEDULE_STEP
	} schedule; /* STEP: a tenth of the rate in the second half */
	double weight_decay, temperature, zeta, label_smoothing;
	enum soft_loss { SOFT_KL, SOFT_MSE } soft_loss; /* the loss from soft labels */
	double ce_weight; /* of the cross-entropy with the images' classes, added to soft_loss */
	double sgd_lr;    /* SGD's rate, unless the student's plan sets one */
};
#define OPTIMIZER_CHOICES "adamw|sgd"
#define SCHEDULE_CHOICES "cosine|step"
#define SOFT_LOSS_CHOICES "kl|mse"

/* Settings; paths are as on the command line. */
struct eval_config {
	struct eval_inputs {
		char **shards;
		int n_shards;
		const char *labels; /* NULL: standard input, or none */
		struct opt_list val, test;
		enum fit fit; /* of held-out photographs; FIT_NONE: the teacher's */
		long cache;
		bool hard;    /* learn the classes, without soft labels */
		bool learned; /* learn the images' own soft labels (lib/data/soft-label.h) */
		bool reuse_labels, strict;
		bool fast_val; /* validate with training's shortcuts, lib/fd2/batch/validate.h */
	} in;
	struct eval_outputs {
		const char *results, *report, *save, *data;
		bool resume;
		long checkpoint_every; /* epochs */
	} out;
	struct eval_own {         /* for runs without a stream of labels, which decides these */
		long batch, size; /* 0: the default */
		double min_scale;
		bool no_augment;
		bool siamese; /* Siamese augmentation of whole images */
	} own;
	struct student_learning learning;
	struct student_plan *students;
	int n_students; /* with --init all of one architecture; with --save one */
	long epochs;    /* 0: all that the labels hold, or the default */
	long val_every; /* OPT_UNSET: a tenth of the epochs, at least 10 */
	uint64_t seed;
	bool dry_run; /* only tell the plan */
};

/* Settings of --evaluate, which measures a network as it is: a student, a teacher's backbone, or
 * one of another program. */
struct saved_config {
	const char *network;        /* its file, which is read twice */
	const char *arch, *classes; /* NULL: as the file says */
	struct opt_list val;
	long size;                    /* 0: as the file says, or 224 */
	enum fit fit;                 /* FIT_NONE: as the file says, or short */
	struct opt_numbers mean, std; /* n = 0: as the file says, or ImageNet's; else 3 */
	long cache;
	bool fast_val, strict;
	const char *results, *report, *predictions;
};

/* 0, or -1 with fail_message(). */
int stage_eval(const struct eval_config *config);
int stage_eval_saved(const struct saved_config *config);
#endif
