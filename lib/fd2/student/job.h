/* What fd2-eval asks of this folder: settings, and the stage that follows them. Paths are as on
 * the command line; n_shards = 0 is standard input. Every stage returns 0, or -1 with
 * fail_message(). */
#ifndef FD2_STUDENT_JOB_H
#define FD2_STUDENT_JOB_H
#include "lib/base/opts.h"
#include "lib/data/fit.h"

/* One of fd2-eval's students. */
struct student_plan {
	const char *arch;
	long seed; /* of its initial values and of dropout */
	double lr; /* < 0: the architecture's own */
};

/* fd2-eval: labels + distilled shard + held-out shards -> a JSON line a student */
struct eval_job {
	char **shards;
	int n_shards;
	const char *labels; /* NULL with hard */
	struct opt_list val, test;
	struct student_plan *students;
	int n_students; /* --init: all of one architecture; --save: one */
	const char *out, *report, *save, *init, *data;
	enum fit fit;                        /* of held-out photographs; FIT_NONE: the teacher's */
	long epochs, batch, size, val_every; /* 0: the labels' own, or the default */
	long cache;
	double weight_decay, temperature, zeta, min_scale, label_smoothing;
	bool hard, no_augment, strict, reuse_labels;
};
int stage_eval(const struct eval_job *job);
#endif
