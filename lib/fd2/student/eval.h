/* fd2-eval's work, from its inputs to its lines. */
#ifndef FD2_EVAL_H
#define FD2_EVAL_H
#include "lib/fd2/labels/label-pool.h"
#include "lib/fd2/labels/label-set.h"
#include "lib/fd2/student/student.h"

struct evaluation {
	const struct eval_job *job;
	struct label_set labels; /* with --hard no stream, and the rest is what the options say */
	struct dataset images, val, test; /* test: empty without --test */
	struct student *students;         /* job->n_students */
	struct batch batch;
	Tensor *x, *teacher, *targets; /* of full batches: where their lessons lie */
	struct epoch epoch;
	struct pool pool;   /* with --reuse-labels */
	int epochs;         /* of the students */
	size_t label_bytes; /* of the tensors that were used */
};

/* eval-inputs.c: reads everything but the epochs of labels and starts the students; the caller
 * has set job. -1: fail_message names what does not fit together, or the output that cannot be
 * written. */
int evaluation_prepare(struct evaluation *e);

/* eval-results.c, when the students have learned and were measured on test, or on val without
 * it. */

/* The student as a tensor stream, or as safetensors where the name ends so; nothing without
 * --save. */
int save_student(const struct evaluation *e);
/* A JSON line a student: accuracies as fractions, as DD-Ranking has them; no times, so that the
 * same run gives the same bytes. */
int print_results(const struct evaluation *e);
/* A JSON line a student, class by class; nothing without --report. */
int print_report(const struct evaluation *e);
/* What each student cost, to the log and to the reader of --verbose. */
void log_costs(const struct evaluation *e);
#endif
