/* fd2-eval: labels, distilled shard and held-out shards -> a JSON line per student
 * (fd2-method(7), STUDENTS).
 *
 * eval-inputs.c reads everything but the epochs of labels, eval.c goes through the epochs,
 * student.c takes the steps of one student, eval-resume.c saves and restores the state, and
 * eval-results.c writes what came out. */
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
	double weight_decay, temperature, zeta, label_smoothing;
};

/* Settings; paths are as on the command line. */
struct eval_config {
	struct eval_inputs {
		char **shards;
		int n_shards;
		const char *labels; /* NULL: standard input, or none with `hard` */
		struct opt_list val, test;
		enum fit fit; /* of held-out photographs; FIT_NONE: the teacher's */
		long cache;
		bool hard, reuse_labels, strict;
	} in;
	struct eval_outputs {
		const char *results, *report, *save, *data;
		bool resume;
		long checkpoint_every; /* epochs */
	} out;
	struct eval_hard {        /* instead of what soft labels say */
		long batch, size; /* 0: the default */
		double min_scale;
		bool no_augment;
	} hard;
	struct student_learning learning;
	struct student_plan *students;
	int n_students; /* --init: all of one architecture; --save: one */
	long epochs;    /* 0: the labels' own, or the default */
	long val_every;
	uint64_t seed;
};

/* 0, or -1 with fail_message(). */
int stage_eval(const struct eval_config *config);
#endif
