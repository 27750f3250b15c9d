/* fd2-eval's work, from its inputs to its lines. */
#ifndef FD2_EVAL_H
#define FD2_EVAL_H
#include "lib/fd2/label-pool.h"
#include "lib/fd2/student.h"

struct evaluation {
	const struct eval_job *job;
	struct stream_reader *labels;     /* NULL with --hard */
	struct dataset images, val, test; /* test: empty without --test */
	struct student *students;         /* job->n_students */
	struct batch batch;
	struct epoch epoch;
	struct views views;
	struct pool pool; /* with --reuse-labels */
	struct normal normal;
	char **class_names;
	int classes, size, epochs;
	size_t label_bytes; /* of the tensors that were used */
	int labelled;       /* epochs in the labels */
	enum fit fit;       /* of the held-out images */
	bool halves;        /* each batch in two accumulated halves, as the teacher saw it */
};

/* eval-inputs.c: reads everything but the epochs of labels and starts the students; the caller has set job. -1: fail_message names
 * what does not fit together, or the output that cannot be written. */
int evaluation_prepare(struct evaluation *e);

/* eval-results.c, when the students have learned and were measured on test, or on val without it. */

/* The student as a tensor stream, or as safetensors where the name ends so; nothing without --save. */
int save_student(const struct evaluation *e);
/* A JSON line a student: accuracies as fractions, as DD-Ranking has them; no times, so that the same run gives the same bytes. */
int print_results(const struct evaluation *e);
/* A JSON line a student, class by class; nothing without --report. */
int print_report(const struct evaluation *e);
/* What each student cost, to the log and to the reader of --verbose. */
void log_costs(const struct evaluation *e);
#endif
