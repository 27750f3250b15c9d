/* The face of lib/fd2/student: labels, distilled shard and held-out shards -> a JSON line per
 * student (fd2-eval; fd2-method(7), STUDENTS).
 *
 * eval-inputs.c reads everything but the epochs of labels, eval.c goes through the epochs,
 * eval-lesson.c makes a batch of tensors, student.c takes the steps of one student, eval-resume.c
 * saves and restores the state, and eval-results.c and eval-report.c write what came out.
 * eval-saved.c measures a network that is trained already. */
#ifndef FD2_EVAL_H
#define FD2_EVAL_H
#include "lib/base/opts.h"
#include "lib/data/fit.h"

/* One of the students. */
struct student_plan {
	const char *arch;
	long seed; /* of its initial values and of dropout */
	double lr; /* < 0: the architecture's own */
};

/* How all of them learn. */
struct student_learning {
	const char *init; /* weights to start from; NULL: random ones */
	enum { OPTIMIZER_ADAMW, OPTIMIZER_SGD } optimizer;
	enum {
		STUDENT_SCHEDULE_COSINE,
		STUDENT_SCHEDULE_STEP
	} schedule; /* STEP: a tenth in the second half */
	double weight_decay, temperature, zeta, label_smoothing;
	enum soft_loss { SOFT_KL, SOFT_MSE } soft_loss; /* from soft labels */
	double ce_weight; /* of the cross-entropy of the images' classes, added to it */
	double sgd_lr;    /* SGD's, unless the student's plan has one */
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
		bool hard;    /* no soft labels: the classes */
		bool learned; /* the soft labels that the images have (lib/data/soft-label.h) */
		bool reuse_labels, strict;
		bool fast_val; /* validate with training's shortcuts, lib/fd2/batch/validate.h */
	} in;
	struct eval_outputs {
		const char *results, *report, *save, *data;
		bool resume;
		long checkpoint_every; /* epochs */
	} out;
	struct eval_own {         /* without a stream of labels, which would say it */
		long batch, size; /* 0: the default */
		double min_scale;
		bool no_augment;
		bool siamese; /* Siamese augmentation of whole images */
	} own;
	struct student_learning learning;
	struct student_plan *students;
	int n_students; /* --init: all of one architecture; --save: one */
	long epochs;    /* 0: the labels' own, or the default */
	long val_every; /* OPT_UNSET: a tenth of the epochs, at least 10 */
	uint64_t seed;
	bool dry_run; /* only tell the plan */
};

/* A network that is measured as it is (--evaluate): a student, a teacher's backbone, or one of
 * another program. */
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
